from .chunks import Chunk as Chunk
from .chunks import plan as plan
from .executors import run_chunks as run_chunks
from .progress import Progress as Progress
