# Face of the xenon study: its own model functions, its events, and the whole tutorial.
from .analysis import xenon as xenon
from .model_functions import absorbed as absorbed
from .model_functions import parabola as parabola
from .sample import read_sample as read_sample
