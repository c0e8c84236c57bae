"""Chi-square of observables that share the unknown overall factor of the neutrino mass matrix, with the factor fitted.

The mass matrix is known up to a factor Lambda, so that an observable is y x^p with x = Lambda^2, y the model's number
and p = 1 for splittings. C(y) = min over x of the sum of c_k(y_k x^p_k); its gradient needs no derivative of x
(envelope theorem), its curvature is the Schur complement.
"""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from wilks._base.typing import Scalar
from wilks.likelihood.curve_table import CurveTable, CurveValues

from .coordinates import LN10, Coordinates
from .correlated import JOINT_NUMBERS, Correlated
from .joint_tables import QUANTITIES
from .known_slopes import with_slopes
from .scale_guess import ScaleGuess

_EVALUATIONS = 12  # at most
_ENOUGH = 1e-4  # relative to 1 sigma: a search ends that is expected to be so close, and one more step follows
_REACH = 3.0  # how far from the first guess the minimum is sought, in ln x
_TINY = 1e-300
_CURVED = 0.03  # share of the safe curvature below which the exact one is not trusted with a step
_JOINT = len(QUANTITIES)

Rows = Float[Array, " terms"]
Square = Float[Array, "terms terms"]


class Coupled(NamedTuple):
    """Chi-square minimal over the factor, with derivatives in the model's numbers.

    ``expected`` is never negative; ``observed`` is the exact second derivative.
    """

    value: Scalar
    slope: Rows
    expected: Square
    observed: Square


class _Local(NamedTuple):
    """Chi-square by term at given coordinates, with derivatives of the sum."""

    shares: Rows
    gradient: Rows
    hessian: Square


class _Search(NamedTuple):
    """A search for the best ln x: the next point, the ends of the bracket with the slopes there (zero while they are
    not known), the square of how far the minimum is expected to be, in sigma, and the evaluations so far.
    """

    at: Scalar
    low: Scalar
    high: Scalar
    low_slope: Scalar
    high_slope: Scalar
    missing: Scalar
    evaluations: Scalar


class _Along(NamedTuple):
    """First and second derivative of the chi-square by ln x, and the second one that Gaussian errors would give."""

    slope: Scalar
    curve: Scalar
    gaussian: Scalar


class ScaledTerms(eqx.Module):
    """Terms that share the factor.

    Args:
        coordinates: how each depends on it.
        splittings: whether the term takes part in the first guess of the factor.
        table: curves of the terms.
        joint: joint chi-square of the first six terms, in place of their curves; None without correlations.
        guess: tabulated best factor; None without two splittings.
    """

    coordinates: Coordinates
    splittings: tuple[bool, ...] = eqx.field(static=True)
    table: CurveTable
    joint: Correlated | None
    guess: ScaleGuess | None

    def __len__(self) -> int:
        return len(self.coordinates)

    @property
    def published(self) -> Rows:
        """Published best values in the terms' coordinates."""
        best = jnp.asarray(self.table.best)
        return best if self.joint is None else best.at[:_JOINT].set(jnp.asarray(self.joint.best))

    @property
    def log_norm(self) -> Scalar:
        """Logarithm of the integral of exp(-chi2/2) over the coordinates."""
        norms = jnp.asarray(self.table.log_norm)
        if self.joint is None:
            return jnp.sum(norms)
        return jnp.sum(norms[_JOINT:]) + jnp.asarray(self.joint.log_norm)

    def evaluate(self, y: Rows, shift: Rows) -> Coupled:
        """Chi-square with the factor at its best.

        Args:
            y: the model's numbers.
            shift: how far the data's best values lie from the published ones, in the coordinates.
        """
        log_x, here = self._search(y, shift)
        by_y, by_l = self.coordinates.slopes(y, log_x)
        bend_y, bend_l, bend_both = self.coordinates.bends(y, log_x)
        outer = by_y[:, None] * by_y[None, :]
        cross = by_y * (here.hessian @ by_l) + here.gradient * bend_both
        along = by_l @ here.hessian @ by_l + jnp.sum(here.gradient * bend_l)
        safe = self._weight(here)
        pulled = safe @ by_l
        weight = safe - pulled[:, None] * pulled[None, :] / jnp.maximum(by_l @ pulled, _TINY)
        curved = here.hessian * outer + jnp.diag(here.gradient * bend_y)
        schur = cross[:, None] * cross[None, :] / jnp.where(jnp.abs(along) > _TINY, along, 1.0)
        slope = here.gradient * by_y
        value = with_slopes(jax.lax.stop_gradient(jnp.sum(here.shares)), slope, -here.gradient, y, shift)
        return Coupled(value, slope, weight * outer, curved - schur)

    def log_factor(self, y: Rows, shift: Rows) -> Scalar:
        """ln x at the minimum."""
        return self._search(y, shift)[0]

    def shares(self, y: Rows, shift: Rows) -> Rows:
        """The chi-square by term at the minimum; a joint one is divided up as `Correlated.shares` says."""
        log_x, here = self._search(y, shift)
        if self.joint is None:
            return here.shares
        u = self.coordinates.at(y, log_x) - shift
        return here.shares.at[:_JOINT].set(self.joint.shares(u[:_JOINT]))

    def _search(self, y: Rows, shift: Rows) -> tuple[Scalar, _Local]:
        """ln x at the minimum, and the chi-square there.

        The search itself is not differentiated: one Newton step after it carries the derivatives of ln x.
        """
        here, there = jax.lax.stop_gradient((y, shift))
        log_x = self._descend(here, there, self._first_guess(here, there))
        last = self._along(y, shift, log_x)
        trusted = last.curve > _CURVED * last.gaussian
        log_x = log_x - jnp.where(trusted, last.slope / jnp.where(trusted, last.curve, 1.0), 0.0)
        u = self.coordinates.at(y, log_x) - shift
        return log_x, self._apart(u) if self.joint is None else self._together(u)

    def _along(self, y: Rows, shift: Rows, log_x: Scalar) -> _Along:
        gradient, curvature = self._derivatives(self.coordinates.at(y, log_x) - shift)
        _, by_l = self.coordinates.slopes(y, log_x)
        _, bend_l, _ = self.coordinates.bends(y, log_x)
        return _Along(
            jnp.sum(gradient * by_l),
            jnp.sum(curvature * by_l**2 + gradient * bend_l),
            jnp.maximum(2.0 * jnp.sum((by_l / jnp.asarray(self.table.sigma)) ** 2), _TINY),
        )

    def _derivatives(self, u: Rows) -> tuple[Rows, Rows]:
        """First and second derivatives by the coordinates that depend on the factor, between which none are mixed."""
        alone = self.table.evaluate(u)
        if self.joint is None:
            return alone.slope, alone.curvature
        slope, curvature = self.joint.along_scale(u[:_JOINT])
        return alone.slope.at[:_JOINT].set(slope), alone.curvature.at[:_JOINT].set(curvature)

    def _descend(self, y: Rows, shift: Rows, first: Scalar) -> Scalar:
        """Newton steps in ln x between the ends of a bracket.

        The tables of splittings carry numerical noise: where their curvature cannot be trusted, or leads out of the
        bracket, the step is that of a secant, and before there is a bracket that of Gaussian errors. One place of
        evaluation keeps the program small.
        """

        def improve(state: _Search) -> _Search:
            at = state.at
            slope, curve, gaussian = self._along(y, shift, at)
            left = slope < 0
            low, low_slope = jnp.where(left, at, state.low), jnp.where(left, slope, state.low_slope)
            high, high_slope = jnp.where(left, state.high, at), jnp.where(left, state.high_slope, slope)
            enclosed = (low_slope < 0) & (high_slope > 0)
            share = low_slope / jnp.where(enclosed, low_slope - high_slope, 1.0)
            secant = low + jnp.clip(share, 0.1, 0.9) * (high - low)
            careful = jnp.where(enclosed, secant, jnp.clip(at - slope / gaussian, low, high))
            trusted = curve > _CURVED * gaussian
            newton = at - slope / jnp.where(trusted, curve, 1.0)
            quadratic = trusted & (newton > low) & (newton < high)
            step = jnp.where(quadratic, newton, careful)
            moved = (step - at) ** 2 * gaussian
            missing = jnp.where(quadratic, moved**2, moved)
            return _Search(step, low, high, low_slope, high_slope, missing, state.evaluations + 1)

        def unfinished(state: _Search) -> Array:
            return (state.missing > _ENOUGH**2) & (state.evaluations < _EVALUATIONS)

        none = jnp.zeros(())
        start = _Search(first, first - _REACH, first + _REACH, none, none, none + jnp.inf, jnp.zeros((), dtype=int))
        return jax.lax.while_loop(unfinished, improve, start).at

    def _apart(self, u: Rows) -> _Local:
        alone = self.table.evaluate(u)
        return _Local(alone.value, alone.slope, jnp.diag(alone.curvature))

    def _together(self, u: Rows) -> _Local:
        assert self.joint is not None  # _search asks
        alone, six = self.table.evaluate(u), self.joint.evaluate(u[:_JOINT])
        return _Local(
            alone.value.at[:_JOINT].set(0.0).at[0].set(six.value),
            alone.slope.at[:_JOINT].set(six.gradient),
            jnp.diag(alone.curvature).at[:_JOINT, :_JOINT].set(six.hessian),
        )

    @property
    def joint_numbers(self) -> int:
        """Uniform numbers that a draw takes besides one per term."""
        return 0 if self.joint is None else JOINT_NUMBERS

    def draw(self, uniform: Float[Array, " numbers"]) -> Rows:
        """Coordinates distributed as exp(-chi2/2)."""
        point = self.table.draw(uniform[: len(self)])
        return point if self.joint is None else point.at[:_JOINT].set(self.joint.draw(uniform[len(self) :]))

    def _first_guess(self, y: Rows, shift: Rows) -> Scalar:
        """ln of the tabulated x, else of x = sum(y t/s^2)/sum(y^2/s^2) with t, s best values and errors."""
        logs, used = np.array(self.coordinates.logs), np.array(self.splittings, dtype=float)
        target = self.coordinates.values(self.published + shift)
        error = jnp.asarray(self.table.sigma) * jnp.where(logs, target * LN10, 1.0)
        weight = used / error**2
        x = jnp.sum(weight * y * target) / jnp.maximum(jnp.sum(weight * y**2), _TINY)
        rough = jnp.log(jnp.maximum(x, _TINY))
        if self.guess is None:
            return rough
        where = np.flatnonzero(self.splittings)
        log_x, found = self.guess.log_x(y[where], target[where])
        return jnp.where(found, log_x, rough)

    def _weight(self, here: _Local) -> Square:
        """A curvature in the coordinates that is never negative."""
        alone = CurveValues(here.shares, here.gradient, jnp.diagonal(here.hessian)).weight
        if self.joint is None:
            return jnp.diag(alone)
        weight = jnp.diag(alone.at[:_JOINT].set(0.0))
        return weight.at[:_JOINT, :_JOINT].set(self.joint.weight(here.hessian[:_JOINT, :_JOINT]))
