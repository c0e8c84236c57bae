from .credible import credible_interval as credible_interval
from .ensemble import Ensemble as Ensemble
from .interface import AbstractSampler as AbstractSampler
from .jeffreys import JeffreysPrior as JeffreysPrior
from .nested import Nested as Nested
from .nuts import Nuts as Nuts
from .sampling import sample as sample
