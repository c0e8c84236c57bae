# Face of the collider wing: events, cuts, samples, weighted templates, typed figures.
from . import bin_policies as bin_policies
from . import cutflow as cutflow
from . import events as events
from . import identity as identity
from . import samples as samples
from . import selection as selection
from . import synthetic as synthetic
from . import tables as tables
from . import templates as templates
