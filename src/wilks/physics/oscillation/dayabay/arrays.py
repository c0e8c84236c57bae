"""Arrays of numpy or of JAX: what is prepared before, and what a compiled program traces, take the same ways."""

from typing import TypeAlias

import numpy as np
from jaxtyping import Array

Arrays: TypeAlias = Array | np.ndarray
"""An array of either library."""
