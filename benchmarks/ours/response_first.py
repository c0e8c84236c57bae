"""A process that prints the CPU seconds of its first fit of four weights; imports and models come before."""

import time

from wilks import fit

from .response import chosen_likelihood, full_data

if __name__ == "__main__":
    likelihood, data = chosen_likelihood("all", "marginal"), full_data()
    started = time.process_time()
    fit(likelihood, data)
    print(time.process_time() - started)
