# Face of Wilks: the everyday names, resolved when first used, so that `import wilks` loads no JAX.
import lazy_loader as _lazy

__version__ = "0.1.0"
__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
