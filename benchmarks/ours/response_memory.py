"""A process that fills weighted events block by block and prints how many 10^6 bytes it took at most."""

import resource
import sys

from .response import fill_stream

if __name__ == "__main__":
    fill_stream(int(sys.argv[1]))()
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6)
