"""A process that runs the tutorial of flamedisx with the drop-in."""

import jax.numpy as jnp
from problems.xenon_tutorial import run

import wilks.compat.flamedisx as fd

if __name__ == "__main__":
    run(fd, jnp.exp)
