"""Model functions of a user: the loss of electrons by a length, and a parabola for their share of the quanta."""

from typing import Annotated, Any

import jax.numpy as jnp

from wilks.physics.xenon.splitting import safe_probability


def absorbed(z: Any, absorption_length: Annotated[Any, "cm"] = 60.0, extraction_efficiency: Any = 0.96) -> Any:
    """Probability that an electron is extracted, by the depth from which it comes.

    Args:
        z: cm, negative below the liquid surface.
        absorption_length: cm.
        extraction_efficiency: share of the electrons that leave the liquid.
    """
    return extraction_efficiency * jnp.exp(z / absorption_length)


def parabola(nq: Any, a: Any = 0.0, b: Any = -0.4, c: Any = 0.40, nq0: Any = 365.0) -> Any:
    """Share of quanta that are electrons, a parabola in the decade of quanta.

    Args:
        nq: produced quanta.
        a: curvature.
        b: slope per decade.
        c: share at ``nq0``.
        nq0: quanta in the middle, of about 5 keV.
    """
    x = jnp.log10(nq / nq0 + 1e-9)
    return safe_probability(a * x**2 + b * x + c)
