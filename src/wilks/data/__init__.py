# Face of the data floor: axes, histograms, columns of events.
from .axes import Axis as Axis
from .axes import Category as Category
from .axes import Regular as Regular
from .axes import Variable as Variable
from .events import Events as Events
from .events import Ragged as Ragged
from .histogram import Histogram as Histogram
