# Face of the drop-in for flavorpy.constructterms.
from . import groups as groups
from .fields import Field as Field
from .fields import list_allowed_terms as list_allowed_terms
from .symmetries import AbelianGroup as AbelianGroup
from .symmetries import NonAbelianGroup as NonAbelianGroup
from .symmetries import U1Group as U1Group
