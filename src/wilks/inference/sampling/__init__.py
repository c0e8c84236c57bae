# Face of sampling: posterior draws by an ensemble of walkers or by NUTS, with diagnostics and a verdict.
import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
