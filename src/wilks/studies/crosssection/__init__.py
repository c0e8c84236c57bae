# Face of the cross-section study: its cross sections, its tables of events, and the whole chain.
from .analysis import crosssection as crosssection
from .cross_sections import background as background
from .cross_sections import model_a as model_a
from .cross_sections import model_b as model_b
from .experiment import generate as generate
from .folder import read_tables as read_tables
