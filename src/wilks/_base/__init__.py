# The ground floor: typing, errors, numerics and the runtime's settings.
