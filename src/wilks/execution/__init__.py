# Face of the execution floor: chunks of work, run on processes, executors or a Dask cluster.
import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
