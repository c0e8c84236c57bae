"""The compiled parts of NUTS, around blackjax's kernel: starts, warm-up, and blocks of draws."""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from wilks._base.errors import MissingExtra
from wilks._base.typing import Key, LogProb

from .target import Position, Target

BLOCK = 250  # draws of one compiled call
_INWARD = 0.5  # a start on a bound moves inside by so many spreads
_OFF_BOUND = 0.01  # starts keep so much of that distance from a bound
_WIDEST = 1.0  # largest spread of starts in unbounded coordinates
_FARTHEST = 3.0  # spreads from the centre beyond which no chain begins


class Settled(NamedTuple):
    """Where a chain begins, in unbounded coordinates, with the spread of the density as far as it is known."""

    coordinates: Position
    log_prob: LogProb
    scale: Position


class State(NamedTuple):
    """Where a chain stands between two blocks, and what its warm-up has learnt."""

    coordinates: Float[Array, " free"]
    density: Float[Array, ""]
    gradient: Float[Array, " free"]
    step_size: Float[Array, ""]
    inverse_mass: Float[Array, "free ..."]


class Drawn(NamedTuple):
    """Draws of one block; those not asked for are empty."""

    position: Float[Array, "draws free"]
    log_prob: Float[Array, " draws"]
    energy: Float[Array, " draws"]
    divergent: Bool[Array, " draws"]
    saturated: Bool[Array, " draws"]
    leaps: Int[Array, " draws"]
    acceptance: Float[Array, " draws"]


@eqx.filter_jit
def settle(
    target: Target, tries: Float[Array, "tries free"], centre: Float[Array, " free"], sigma: Float[Array, " free"]
) -> Settled:
    """The first of several tries whose density is not zero, moved off the bounds and not far from the centre."""
    lower, upper = target.limits()
    inward = jnp.minimum(_INWARD * sigma, 0.1 * (upper - lower))
    middle = target.unbounded(jnp.clip(centre, lower + inward, upper - inward))
    slope = jax.jvp(lambda y: target.bounded(y)[0], (middle,), (jnp.ones_like(middle),))[1]
    scale = jnp.minimum(sigma / jnp.abs(slope), _WIDEST)

    def place(position: Position) -> Position:
        inside = jnp.clip(position, lower + _OFF_BOUND * inward, upper - _OFF_BOUND * inward)
        return middle + jnp.clip(target.unbounded(inside) - middle, -_FARTHEST * scale, _FARTHEST * scale)

    coordinates = jax.vmap(place)(tries)
    density = jax.vmap(target.log_prob_unbounded)(coordinates)
    first = jnp.argmax(jnp.isfinite(density))
    return Settled(coordinates[first], density[first], scale)


@eqx.filter_jit
def warm_up(
    target: Target,
    key: Key,
    coordinates: Position,
    scale: Position,
    steps: int,
    target_acceptance: Float[Array, ""],
    max_depth: int,
    dense: bool,
) -> State:
    """Learn step size and metric by windows of growing length."""
    blackjax = _blackjax()
    adaptation = blackjax.window_adaptation(
        blackjax.nuts,
        target.log_prob_unbounded,
        is_mass_matrix_diagonal=not dense,
        initial_inverse_mass_matrix=jnp.diag(scale**2) if dense else scale**2,
        target_acceptance_rate=target_acceptance,
        adaptation_info_fn=lambda *_: None,
        max_num_doublings=max_depth,
    )
    (state, learnt), _ = adaptation.run(key, coordinates, steps)
    return _state(state, learnt["step_size"], learnt["inverse_mass_matrix"])


@eqx.filter_jit
def advance(target: Target, key: Key, state: State, count: Int[Array, ""], max_depth: int) -> tuple[State, Drawn]:
    """Draw ``count`` times, at most ``BLOCK``."""
    blackjax = _blackjax()
    kernel = blackjax.nuts.build_kernel()
    keys = jax.random.split(key, BLOCK)

    def draw(i: Array, carried: tuple) -> tuple:
        chain, recorded = carried
        chain, info = kernel(keys[i], chain, target.log_prob_unbounded, state.step_size, state.inverse_mass, max_depth)
        drawn = (
            chain.position,
            chain.logdensity,
            info.energy,
            info.is_divergent,
            info.num_trajectory_expansions >= max_depth,
            info.num_integration_steps,
            info.acceptance_rate,
        )
        return chain, tuple(array.at[i].set(entry) for array, entry in zip(recorded, drawn, strict=True))

    number, yes, whole = jnp.zeros(BLOCK), jnp.zeros(BLOCK, dtype=bool), jnp.zeros(BLOCK, dtype=int)
    empty = (jnp.zeros((BLOCK, len(state.coordinates))), number, number, yes, yes, whole, number)
    first = blackjax.mcmc.hmc.HMCState(state.coordinates, state.density, state.gradient)
    chain, (coordinates, density, *others) = jax.lax.fori_loop(0, count, draw, (first, empty))
    position, log_jacobian = jax.vmap(target.bounded)(coordinates)
    return _state(chain, state.step_size, state.inverse_mass), Drawn(position, density - log_jacobian, *others)


def _state(chain: Any, step_size: Array, inverse_mass: Array) -> State:
    return State(chain.position, chain.logdensity, chain.logdensity_grad, step_size, inverse_mass)


def _blackjax() -> Any:
    try:
        import blackjax
    except ImportError:
        raise MissingExtra("blackjax", "sampling") from None
    return blackjax
