# Face of the sterile study: electron-neutrino disappearance of reactors and sources in the plane of 3+1 neutrinos.
from .analysis import sterile as sterile
from .loading import Experiments as Experiments
from .loading import load as load
from .networks import Training as Training
from .programme import neural as neural
