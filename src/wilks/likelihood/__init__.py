# Face of the likelihoods: what can judge data, and what can make data.
import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
