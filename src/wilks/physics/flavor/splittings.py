"""Mass splittings by which the factor of the neutrino mass matrix is set where no data do it."""

AVERAGED = {"NO": (7.41e-5, 2.507e-3), "IO": (7.41e-5, -2.486e-3)}
"""Splittings in eV^2 for the scale "average", by ordering: those of FlavorPy 0.2.0."""

NUFIT_53 = {"NO": (7.41e-5, 0.21e-5, 2.505e-3, 0.026e-3), "IO": (7.41e-5, 0.21e-5, -2.487e-3, 0.0255e-3)}
"""Best values and 1 sigma in eV^2 for the scale "profile": NuFIT 5.3 (2024), www.nu-fit.org; JHEP 09 (2020) 178."""
