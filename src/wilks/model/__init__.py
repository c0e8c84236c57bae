# Face of the models: from parameters to predictions, and the algebra of their variations.
# The modules `compose` and `templates` are loaded before the functions of these names are bound, which so stay.
# isort: off
from .compose import SummedPredictor as SummedPredictor
from .templates import TemplatePredictor as TemplatePredictor
# isort: on
from .ensemble_algebra import add as add
from .ensemble_algebra import beyond_limits as beyond_limits
from .ensemble_algebra import collapse as collapse
from .ensemble_algebra import compose as compose
from .ensemble_algebra import concatenate as concatenate
from .ensemble_algebra import fix as fix
from .ensemble_algebra import linearise as linearise
from .ensemble_algebra import passthrough as passthrough
from .ensemble_algebra import templates as templates
from .ensembles import AbstractEnsemble as AbstractEnsemble
from .ensembles import LinearEnsemble as LinearEnsemble
from .ensembles import ResampledEnsemble as ResampledEnsemble
from .linear import LinearTemplates as LinearTemplates
from .predictor import AbstractPredictor as AbstractPredictor
from .response import response as response
from .sources import AbstractEventSource as AbstractEventSource
