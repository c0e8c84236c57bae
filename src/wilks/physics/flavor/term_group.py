"""All chi-square terms of one ordering: those that share the neutrino scale, those that stand alone, and the offset."""

from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from wilks._base.errors import InvalidModel
from wilks._base.typing import Scalar
from wilks.likelihood.curve_table import CurveTable
from wilks.likelihood.interface import Cells

from .chi2_terms import ChiSquareTerms
from .coordinates import Coordinates
from .correlated import correlated
from .fitted import POWERS, SPLITTINGS
from .scale_guess import ScaleGuess
from .scaled_terms import ScaledTerms
from .single_terms import SingleTerms

Rows = Float[Array, " observables"]


class TermGroup(eqx.Module):
    """Terms in order: first the coupled ones.

    Coupled terms form one cell; empty cells keep the number of cells equal to the number of constraints.

    Args:
        scaled: terms that share the factor of the neutrino mass matrix.
        single: the others.
        offset: chi-square of the best point above that of the other ordering.
    """

    scaled: ScaledTerms
    single: SingleTerms
    offset: Float[np.ndarray | Array, ""]

    @classmethod
    def of(cls, data: ChiSquareTerms, coupled: Sequence[str], alone: Sequence[str]) -> "TermGroup":
        """Terms of the named observables."""
        scaled = ScaledTerms(
            _coordinates(data, coupled),
            tuple(name in SPLITTINGS for name in coupled),
            CurveTable.of([data[name].curve for name in coupled]),
            None if data.correlated is None else correlated(data.correlated),
            _guess(data, [name for name in coupled if name in SPLITTINGS]),
        )
        single = SingleTerms(_coordinates(data, alone), CurveTable.of([data[name].curve for name in alone]))
        return cls(scaled, single, np.array(float(data.offset)))

    def __len__(self) -> int:
        return len(self.scaled) + len(self.single)

    @property
    def published(self) -> Rows:
        """Published best values in the terms' coordinates."""
        return jnp.concatenate([self.scaled.published, self.single.published])

    @property
    def log_norm(self) -> Scalar:
        """Logarithm of the integral of exp(-chi2/2) over the best values."""
        return self.scaled.log_norm + self.single.log_norm

    @property
    def cyclic(self) -> Bool[Array, " observables"]:
        """Which terms are of periodic quantities."""
        periods = [jnp.asarray(part.table.period) for part in (self.scaled, self.single)]
        return jnp.isfinite(jnp.concatenate(periods))

    def arranged(self, y: Rows) -> Float[Array, "terms cells"]:
        """The model's numbers by cell: a column of the coupled ones, one each of the others, then empty ones."""
        coupled = len(self.scaled)
        if not coupled:
            return y[None]
        alone = jnp.pad(y[coupled:][None], ((0, coupled - 1), (0, 0)))
        return jnp.concatenate([y[:coupled, None], alone, jnp.zeros((coupled, coupled - 2))], axis=1)

    def listed(self, mean: Float[Array, "terms cells"]) -> Rows:
        """The same numbers in one row."""
        coupled = len(self.scaled)
        alone = mean[0, int(coupled > 0) :][: len(self.single)]
        return jnp.concatenate([mean[:, 0], alone]) if coupled else alone

    @eqx.filter_jit
    def judge(self, y: Rows, shift: Rows) -> Cells:
        """Half the chi-square and its derivatives in the model's numbers, per cell; traced once for several programs.

        Args:
            y: the model's numbers, inf for an undefined phase, which costs nothing.
            shift: how far the data's best values lie from the published ones.
        """
        coupled = len(self.scaled)
        cells = self.single.evaluate(y[coupled:], shift[coupled:])
        if coupled:
            cells = self._with_coupled(y[:coupled], shift[:coupled], cells)
        first = np.arange(len(cells.excess)) == 0
        return eqx.tree_at(lambda tree: tree.excess, cells, cells.excess + first * (0.5 * jnp.asarray(self.offset)))

    def shares(self, y: Rows, shift: Rows) -> Rows:
        """The chi-square by term, without offset."""
        coupled = len(self.scaled)
        alone = 2.0 * self.single.evaluate(y[coupled:], shift[coupled:]).excess
        if not coupled:
            return alone
        first = self.scaled.shares(self._defined(y[:coupled], shift[:coupled]), shift[:coupled])
        return jnp.concatenate([first, alone])

    def log_factor(self, y: Rows, shift: Rows) -> Scalar:
        """ln Lambda^2 at its best where it is profiled, else zero."""
        coupled = len(self.scaled)
        if not coupled:
            return jnp.zeros(())
        return self.scaled.log_factor(self._defined(y[:coupled], shift[:coupled]), shift[:coupled])

    def predicted(self, y: Rows) -> Rows:
        """The model's numbers in the terms' coordinates; that of an undefined phase is the published value.

        A profiled scale stands at its best for the published data.
        """
        coupled, none = len(self.scaled), jnp.zeros(())
        alone = self.single.coordinates.at(y[coupled:], none)
        alone = jnp.where(self.single.undefined(y[coupled:]), self.single.published, alone)
        if not coupled:
            return alone
        shift = jnp.zeros(coupled)
        first = self._defined(y[:coupled], shift)
        return jnp.concatenate([self.scaled.coordinates.at(first, self.scaled.log_factor(first, shift)), alone])

    @property
    def numbers_per_draw(self) -> int:
        """Uniform numbers that one draw takes."""
        return len(self) + self.scaled.joint_numbers

    def draw(self, uniform: Float[Array, " numbers"]) -> Rows:
        """Coordinates distributed as exp(-chi2/2)."""
        alone = self.single.table.draw(uniform[: len(self.single)])
        if not len(self.scaled):
            return alone
        return jnp.concatenate([self.scaled.draw(uniform[len(self.single) :]), alone])

    def _with_coupled(self, y: Rows, shift: Rows, alone: Cells) -> Cells:
        terms, empty = len(self.scaled), len(self.scaled) - 2
        here = self.scaled.evaluate(self._defined(y, shift), shift)
        columns = ((0, terms - 1), (0, empty))

        def joined(first: Array, rest: Array) -> Array:
            return jnp.concatenate([0.5 * first[..., None], rest], axis=-1)

        return Cells(
            jnp.concatenate([0.5 * here.value[None], alone.excess, jnp.zeros(empty)]),
            joined(here.slope, jnp.pad(alone.slope, columns)),
            joined(here.expected, jnp.pad(alone.expected, ((0, terms - 1), *columns))),
            joined(here.observed, jnp.pad(alone.observed, ((0, terms - 1), *columns))),
            jnp.concatenate([self._inside(y)[None], alone.inside, jnp.ones(empty, dtype=bool)]),
        )

    def _undefined(self, y: Rows) -> Bool[Array, " observables"]:
        return jnp.isinf(y) & jnp.isfinite(jnp.asarray(self.scaled.table.period))

    def _defined(self, y: Rows, shift: Rows) -> Rows:
        """The coupled numbers with an undefined phase at its best value."""
        return jnp.where(self._undefined(y), self.scaled.published + shift, y)

    def _inside(self, y: Rows) -> Bool[Array, ""]:
        """Whether both splittings differ from zero, so that a scale exists, and everything else is a number."""
        logs, used = np.array(self.scaled.coordinates.logs), np.array(self.scaled.splittings)
        fine = jnp.isfinite(y) & ~(used & (y == 0)) & ~(logs & (y <= 0))
        return jnp.all(fine | self._undefined(y))


def stacked(groups: Sequence[TermGroup]) -> TermGroup:
    """Groups of equal shape with a leading axis.

    Raises:
        InvalidModel: if their shapes differ.
    """
    leaves = [jax.tree.leaves(group) for group in groups]
    shapes = [[np.shape(leaf) for leaf in group] for group in leaves]
    same = jax.tree.structure(groups[0]) == jax.tree.structure(groups[-1]) and shapes[0] == shapes[-1]
    if not same:
        raise InvalidModel("the data of the two orderings have different forms; take both from one release")
    return jax.tree.map(lambda *arrays: np.stack([np.asarray(array) for array in arrays]), *groups)


def _guess(data: ChiSquareTerms, splittings: Sequence[str]) -> ScaleGuess | None:
    if len(splittings) < len(SPLITTINGS):
        return None
    terms = [data[name] for name in splittings]
    return ScaleGuess.of([term.curve for term in terms], [term.coordinate == "log10" for term in terms])


def _coordinates(data: ChiSquareTerms, names: Sequence[str]) -> Coordinates:
    powers = tuple(POWERS.get(name, 0.0) for name in names)
    return Coordinates(powers, tuple(data[name].coordinate == "log10" for name in names))
