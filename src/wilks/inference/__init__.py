# Face of the procedures: their choices; the procedures themselves are in the face of the package.
import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
