# Face of the oscillation wing: reactor, source and beam experiments with three neutrinos or more.

from .experiment import Source as Source
from .experiment import Study as Study
