"""A process that fits the simple flavour model from 512 starts: what a user waits for the first time."""

from .flavor import global_fit

if __name__ == "__main__":
    print(global_fit(512)())
