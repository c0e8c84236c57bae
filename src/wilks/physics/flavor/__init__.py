# Face of the flavor wing: mass matrices to masses, mixing and what experiments say about them.
from .from_matrices import angles as angles
from .from_matrices import ckm as ckm
from .from_matrices import lepton_observables as lepton_observables
from .from_matrices import pmns as pmns
from .from_matrices import quark_observables as quark_observables
from .model import FlavorModel as FlavorModel
from .model import evaluate as evaluate
from .observables import Flags as Flags
from .observables import Observables as Observables
