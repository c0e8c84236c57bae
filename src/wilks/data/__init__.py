# Face of the data floor: axes, histograms, binnings, columns of events, tables.
import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
