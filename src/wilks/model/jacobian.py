"""The Jacobian of the template model in closed form: where each derivative of a factor or shift belongs."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from wilks._base import runtime  # noqa: F401  64 bit before any array exists


def product_and_others(
    factors: Float[Array, "factors *shape"],
) -> tuple[Float[Array, "*shape"], Float[Array, "factors *shape"]]:
    """Product along the first axis, and for each factor the product of all others; no division, so any may be zero.

    The product is taken by halves, padded with ones; then each factor's others are gathered on the way back.
    """
    size = factors.shape[0]
    if size == 0:
        return jnp.ones(factors.shape[1:]), factors
    padding = jnp.ones(((1 << (size - 1).bit_length()) - size, *factors.shape[1:]))
    level, levels = jnp.concatenate([factors, padding]), []
    while (half := level.shape[0] // 2) > 0:
        levels.append((level[:half], level[half:]))
        level = level[:half] * level[half:]
    others = jnp.ones_like(level)
    for first, second in reversed(levels):
        others = jnp.concatenate([others * second, others * first])
    return level[0], others[:size]


class JacobianLayout(eqx.Module):
    """Which derivatives make up the row of which parameter.

    Parameters of factors have a row each, as do parameters of shifts; one of both kinds adds its two rows. Factors
    per bin touch few bins of their parameter's row, so they are stored by bin.

    Args:
        factors: position of a parameter's factor among all factors of each sample in each channel, flattened; one
            past the last where it has none. It has at most one, as names within a sample are unique.
        bins: the parameters of factors per bin in each bin; one past the last parameter where there are fewer.
        rows: the rows that each parameter adds, among those of factors, those of shifts, and a last one of zeros.
    """

    factors: Int[np.ndarray, "norms slots channels"]
    bins: Int[np.ndarray, "layers bins"]
    rows: Int[np.ndarray, "kinds parameters"]

    @classmethod
    def build(
        cls,
        parameters: int,
        factors: Int[np.ndarray, "factors slots channels"],
        gammas: Int[np.ndarray, "gammas slots bins"],
        shifts: Int[np.ndarray, " shifts"],
    ) -> "JacobianLayout":
        """Invert the parameter indices of a model, whose padding is the number of parameters.

        Args:
            parameters: number of parameters.
            factors: parameter of each factor of each sample in each channel.
            gammas: parameter of each factor per bin of each sample.
            shifts: parameter of each shape systematic.
        """
        names = np.setdiff1d(factors, [parameters])
        positions = np.full((parameters + 1, *factors.shape[1:]), factors.size)
        _, slot, channel = np.indices(factors.shape)
        positions[factors, slot, channel] = np.arange(factors.size).reshape(factors.shape)
        zero = len(names) + len(shifts)
        rows = np.full((2, parameters), zero)
        rows[0, names] = np.arange(len(names))
        rows[1, shifts] = len(names) + np.arange(len(shifts))
        rows.sort(axis=0)  # a single row comes first, so that the second is needed only for parameters of both kinds
        return cls(positions[names], _distinct_per_bin(gammas, parameters), rows[: 1 + int((rows[1] < zero).any())])

    def norm_rows(
        self,
        slopes: Float[Array, "factors slots channels"],
        templates: Float[Array, "slots bins"],
        channel_of_bin: Int[Array | np.ndarray, " bins"],
    ) -> Float[Array, "norms bins"]:
        """Derivatives by the parameters of factors.

        Args:
            slopes: derivative of each sample's scale by the parameter of each factor.
            templates: what the scales multiply.
            channel_of_bin: channel of each bin.
        """
        norms, slots, channels = self.factors.shape
        flat = jnp.concatenate([slopes.ravel(), jnp.zeros(1)])
        chosen = flat.at[self.factors].get(mode="promise_in_bounds")
        if channels == 1:
            return jnp.sum(chosen * templates[None], axis=1)
        # one matrix product is several times faster than to look up the channel of each element
        inside = channel_of_bin[None, :] == jnp.arange(channels)[:, None]
        blocks = jnp.where(inside[None], templates[:, None, :], 0.0).reshape(slots * channels, -1)
        return chosen.reshape(norms, slots * channels) @ blocks

    def assemble(
        self,
        rows: Float[Array, "rows bins"],
        gammas: Int[Array | np.ndarray, "gammas slots bins"],
        slopes: Float[Array, "gammas slots bins"],
    ) -> Float[Array, "parameters bins"]:
        """The Jacobian, one row per parameter.

        Args:
            rows: derivatives by the parameters of factors, then those of shifts.
            gammas: parameter of each factor per bin of each sample.
            slopes: derivative of each sample's counts by these parameters.
        """
        bins = rows.shape[1]
        extended = jnp.concatenate([rows, jnp.zeros((1, bins))])
        jacobian = jnp.sum(extended.at[self.rows].get(mode="promise_in_bounds"), axis=0)
        if self.bins.shape[0] == 0:
            return jacobian
        mine = gammas[None] == self.bins[:, None, None, :]
        entries = jnp.sum(jnp.where(mine, slopes[None], 0.0), axis=(1, 2))
        own = (
            self.bins[:, None, :] == jnp.arange(jacobian.shape[0])[None, :, None]
        )  # a scatter is slower than a comparison
        return jacobian + jnp.sum(jnp.where(own, entries[:, None, :], 0.0), axis=0)


def _distinct_per_bin(gammas: Int[np.ndarray, "gammas slots bins"], padding: int) -> Int[np.ndarray, "layers bins"]:
    """Parameters in each bin, each once, padded to the deepest bin."""
    per_bin = [np.setdiff1d(gammas[:, :, b], [padding]) for b in range(gammas.shape[2])]
    distinct = np.full((max(len(found) for found in per_bin), len(per_bin)), padding)
    for b, found in enumerate(per_bin):
        distinct[: len(found), b] = found
    return distinct
