"""A process that takes value and gradient of a list of events and prints how many 10^6 bytes it took at most."""

import resource
import sys

from .xenon import gradient_per_event

if __name__ == "__main__":
    work = gradient_per_event(int(sys.argv[1]))
    work()
    work()
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6)
