"""A process that makes one pass over a file and prints how many 10^6 bytes it took at most, above its imports."""

import resource
import sys

import uproot  # noqa: F401  what the pass imports must be there before it is measured

from .events import filled


def peak_mb() -> float:
    """Largest resident memory of this process so far in 10^6 bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


if __name__ == "__main__":
    imported = peak_mb()
    filled(sys.argv[1])
    print(peak_mb() - imported)
