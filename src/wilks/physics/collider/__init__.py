# Face of the collider wing: events, selections, samples, weighted templates, typed figures.
from . import tables as tables
