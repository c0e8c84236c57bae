"""What every trainable conditional density is, be it a vector field or a flow: a loss, draws, and a density."""

import abc
from typing import NamedTuple

import equinox as eqx
from jaxtyping import Array, Float32
from jaxtyping import Key as KeyArray

from wilks._base.typing import Key

Vector = Float32[Array, " size"]
Rows = Float32[Array, "rows size"]
Context = Float32[Array, " context"]
Contexts = Float32[Array, "rows context"]
Keys = KeyArray[Array, " rows"]
PerRow = Float32[Array, " rows"]


class Drawn(NamedTuple):
    """Draws with their log density, NaN where it was not computed."""

    points: Rows
    log_prob: PerRow


class AbstractConditionalDensity(eqx.Module):
    """A network for the density of a vector y of fixed size given a context h, in single precision.

    For a posterior y are the coordinates of the parameters and h the encoded data; for a likelihood the other way
    round. To write one, write these five for a batch of rows; each row has its own context, so that one compiled
    program serves many draws for one set of data as well as one draw for each of many.
    """

    size: eqx.AbstractVar[int]

    @abc.abstractmethod
    def losses(self, y: Rows, context: Contexts, key: Key) -> PerRow:
        """Training loss of each row; its mean over fresh keys is what training minimises."""

    @abc.abstractmethod
    def held_out_losses(self, y: Rows, context: Contexts) -> PerRow:
        """Loss of each row over one fixed set of noise, without dropout: comparable between snapshots."""

    @abc.abstractmethod
    def draw(self, keys: Keys, context: Contexts) -> Rows:
        """One draw for each context, which depends on its own key alone."""

    @abc.abstractmethod
    def draw_with_density(self, keys: Keys, context: Contexts) -> Drawn:
        """One draw for each context together with its log density."""

    @abc.abstractmethod
    def log_prob(self, y: Rows, context: Contexts) -> PerRow:
        """Log density of each row given its context."""

    @property
    @abc.abstractmethod
    def density_is_free(self) -> bool:
        """Whether a draw's density costs nothing beyond the draw."""


class AbstractDensityFamily(eqx.Module):
    """Settings of a conditional density: what users pass as ``path`` or ``density``."""

    @abc.abstractmethod
    def build(self, key: Key, size: int, context: int, pairs: int) -> AbstractConditionalDensity:
        """A network with fresh weights.

        Args:
            key: random key of the weights.
            size: length of y.
            context: length of h.
            pairs: number of training pairs, by which default widths are chosen.
        """
