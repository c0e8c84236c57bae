# Face of the models: from parameters to predictions, and the algebra of their variations.
import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
