# Face of the flavor wing: mass matrices to masses, mixing and what experiments say about them.
import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
