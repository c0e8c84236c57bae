"""The training loop: segments of steps compiled once, for any network, any loss over rows and any budget."""

import math
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float32, Int32

from wilks._base.errors import InvalidData, TrainingDiverged
from wilks._base.typing import Key
from wilks.execution.interrupts import sigterm_interrupts
from wilks.execution.progress import NotedProgress, Progress

from .adam import Moments, adam_step, no_moments
from .budget import USUAL_BATCH, WARM_UP, Budget, rate_at
from .checkpoints import Checkpoints
from .networks import subkeys
from .training_record import TrainingRecord

FEWEST_PAIRS = 100

_SNAPSHOTS = (0.03, 0.06, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 1.0)  # of the run; early ones, as flows overfit early
_MOST_HELD_OUT = 500  # rows per evaluation of a snapshot
_BAD_IN_A_ROW = 10
_SEGMENT_S = 1.0
_FIRST_SEGMENT = 16  # steps, by which the pace is measured
_FIXED_NOISE = 4  # evaluations of a loss with fixed keys, where it has no held-out form of its own

Loss = Callable[[Any, Any, Key], Float32[Array, ""]]
"""``loss(network, rows, key)``: mean training loss of one batch of rows, in single precision."""

HeldOut = Callable[[Any, Any], Float32[Array, ""]]
"""``held_out(network, rows)``: mean loss over rows with fixed noise and without dropout."""

Source = Callable[[Key], Any]
"""``source(key)``: one fresh batch of rows, made inside the training step."""


class Trained(NamedTuple):
    """A trained network and how its training went."""

    network: Any
    record: TrainingRecord


class _State(NamedTuple):
    """All that changes while training; what a checkpoint holds."""

    weights: Any
    average: Any
    moments: Moments
    best: Any
    best_loss: Float32[Array, ""]
    step: Int32[Array, ""]
    bad: Int32[Array, ""]
    bad_in_a_row: Int32[Array, ""]


class _Task(NamedTuple):
    """All that does not change while training."""

    static: Any
    loss: Loss
    source: Source | None
    rows: Any
    key: Key


class _Tally(NamedTuple):
    """Sums over the steps of a segment."""

    loss: Float32[Array, ""]
    norm: Float32[Array, ""]
    good: Int32[Array, ""]


def train(
    key: Key,
    loss: Loss,
    network: Any,
    rows: Any,
    *,
    budget: Budget | None = None,
    held_out: HeldOut | None = None,
    source: Source | None = None,
    checkpoints: Checkpoints | None = None,
    progress: Progress | None = None,
    throw: bool = True,
) -> Trained:
    """Train a network: Adam, clipped gradients, a rate that rises and falls, averaged weights, best of 10 snapshots.

    The number of steps follows from the budget alone; the held-out loss chooses between snapshots of the averaged
    weights and never stops a run. Equal keys give equal networks.

    Args:
        key: random key of the split, the order of the rows and the noise.
        loss: ``loss(network, rows, key)``, the mean over a batch of rows, differentiable, in single precision. An
            ``equinox.Module`` that is called may carry arrays.
        network: an ``equinox.Module``; its floating-point arrays are trained.
        rows: arrays in any tree, each with a leading axis of rows; with a source only the held-out rows.
        budget: see `Budget`.
        held_out: ``held_out(network, rows)``, the loss with fixed noise; by default the loss with four fixed keys.
        source: makes each batch afresh instead of taking it from ``rows``.
        checkpoints: where the state is kept every 30 seconds, and found again.
        progress: called with (done, total, failed, seconds), counted in steps; a `NotedProgress` is told the loss too.
        throw: raise when the training diverges; else return the last good network with the flag ``diverged``.

    Raises:
        InvalidData: for fewer than 100 rows.
        TrainingDiverged: after ten steps in a row without a finite loss; ``result`` keeps the last good network.
    """
    run = _Run(key, loss, network, rows, budget or Budget(), held_out, source)
    if checkpoints is not None:
        run.resume(checkpoints)
    try:
        with sigterm_interrupts():
            return run.go(checkpoints, progress)
    except TrainingDiverged as error:
        if throw:
            raise
        return error.result._replace(record=error.result.record.with_flag("diverged", str(error)))


class _Run:
    """One run on the host: segments, snapshots, checkpoints, record."""

    def __init__(
        self, key: Key, loss: Loss, network: Any, rows: Any, budget: Budget, held_out: HeldOut | None, source: Any
    ) -> None:
        split_key, self._key, self._fixed = subkeys(key, 3)
        fitted, self._validation = _split(split_key, rows, budget, source is not None)
        n = len(jax.tree.leaves(fitted)[0])
        self.batch = budget.batch_for(n if source is None else max(n, 20 * USUAL_BATCH))
        self._per_epoch = max(n // self.batch, 1)
        self.total = budget.steps_for(self._per_epoch)
        self._budget, self._held_out, self._loss = budget, held_out, loss
        weights, static = eqx.partition(network, eqx.is_inexact_array)
        self._task = _Task(static, loss, source, fitted, self._key)
        self._fresh = weights
        self._state = _begin(weights)
        self.record = TrainingRecord.empty(n, self.batch, self.total)
        self._pace = 0.0  # seconds per step, once known

    def resume(self, checkpoints: Checkpoints) -> None:
        """Take up the newest checkpoint, if there is one."""
        found = checkpoints.latest(self._state)
        if found is not None:
            self._state, self.record = found
            self.total = self.record.total

    def go(self, checkpoints: Checkpoints | None, progress: Progress | None) -> Trained:
        """Train to the end of the budget."""
        began, before, first = time.monotonic(), self.record.seconds, True
        saved = began
        while (step := int(self._state.step)) < self.total:
            steps = min(self._segment_length(first), self._next_snapshot(step) - step)
            start = time.monotonic()
            self._state, tally = _segment(
                self._state, self._task, self._settings(), jnp.int32(step + steps), batch=self.batch
            )
            self._note(tally)
            now = time.monotonic()
            if not first and steps >= _FIRST_SEGMENT:
                self._pace = (now - start) / steps
            first = False
            if int(self._state.step) == self._next_snapshot(step):
                self._snapshot()
            self._cut_to_time(now - began)
            self.record = self.record.at(before + now - began, self.total)
            if isinstance(progress, NotedProgress):
                progress.note(f"loss {self.record.losses[-1]:.4g}")
            if progress is not None:
                progress(int(self._state.step), self.total, int(self._state.bad), now - began)
            if checkpoints is not None and (now - saved > checkpoints.every_s or int(self._state.step) >= self.total):
                checkpoints.write(self._state, self.record)
                saved = now
        return Trained(self._network(self._state.best), self.record.finished())

    def _settings(self) -> Float32[Array, " settings"]:
        b = self._budget
        return jnp.asarray([self.total, b.rate, b.final_rate, b.clip, b.average], dtype=jnp.float32)

    def _segment_length(self, first: bool) -> int:
        if first or self._pace == 0.0:
            return _FIRST_SEGMENT
        return max(_FIRST_SEGMENT, int(_SEGMENT_S / self._pace))

    def _next_snapshot(self, step: int) -> int:
        places = (math.ceil(part * self.total) for part in _SNAPSHOTS)
        return next((place for place in places if place > step), self.total)

    def _cut_to_time(self, elapsed: float) -> None:
        """Let the run end when its seconds are over, with the rate falling in time."""
        if self._budget.seconds is None or self._pace == 0.0:
            return
        left = max(self._budget.seconds - elapsed, 0.0)
        self.total = min(self.total, int(self._state.step) + int(left / self._pace))

    def _note(self, tally: _Tally) -> None:
        good = int(tally.good)
        step = int(self._state.step)
        self.record = self.record.with_segment(
            step,
            float(tally.loss) / good if good else math.nan,
            float(tally.norm) / good if good else math.nan,
            rate_at(self._budget, step / self.total),
            int(self._state.bad),
        )
        if int(self._state.bad_in_a_row) >= _BAD_IN_A_ROW:
            raise TrainingDiverged(
                f"ten steps in a row up to step {step} of {self.total} gave no finite loss or gradient, at rate "
                f"{rate_at(self._budget, step / self.total):.2g}; lower budget.rate, or look for outliers in the data. "
                "The last good network is kept in `.result`",
                Trained(self._network(self._last_good()), self.record.finished()),
            )

    def _last_good(self) -> Any:
        """The best snapshot; without one of finite loss the average, and if its loss is not either, fresh weights."""
        if math.isfinite(float(self._state.best_loss)):
            return self._state.best
        return self._state.average if math.isfinite(self._judged(self._state.average)) else self._fresh

    def _judged(self, weights: Any) -> float:
        value = _evaluate(weights, self._task.static, self._validation, self._fixed, self._held_out, self._loss)
        return float(value)

    def _snapshot(self) -> None:
        average = self._state.average
        loss, step = self._judged(average), int(self._state.step)
        best = float(self._state.best_loss)
        better = loss < best or self.record.chosen == 0 or (math.isfinite(loss) and not math.isfinite(best))
        if better:
            self._state = self._state._replace(best=average, best_loss=jnp.float32(loss))
        self.record = self.record.with_snapshot(step, loss, better)

    def _network(self, weights: Any) -> Any:
        return eqx.combine(weights, self._task.static)


def held_out_rows(key: Key, n: int, budget: Budget) -> np.ndarray:
    """Numbers of the rows that `train` with this key holds out."""
    return _shuffled(subkeys(key, 3)[0], n)[: _held_out(n, budget)]


def _shuffled(key: Key, n: int) -> np.ndarray:
    return np.random.default_rng(np.asarray(jax.random.key_data(key))).permutation(n)


def _held_out(n: int, budget: Budget) -> int:
    return max(1, round(budget.held_out * n))


def _split(key: Key, rows: Any, budget: Budget, online: bool) -> tuple[Any, Any]:
    """Rows to train on and rows held out, both chosen by the key."""
    n = len(jax.tree.leaves(rows)[0])
    if online:
        return rows, jax.tree.map(lambda a: jnp.asarray(np.asarray(a)[:_MOST_HELD_OUT]), rows)
    if n < FEWEST_PAIRS:
        raise InvalidData(f"{n} valid pairs to train on; at least {FEWEST_PAIRS} are needed, 10,000 are usual")
    order = _shuffled(key, n)
    out = _held_out(n, budget)
    held, kept = np.sort(order[:out])[:_MOST_HELD_OUT], np.sort(order[out:])
    take = lambda where: jax.tree.map(lambda a: jnp.asarray(np.asarray(a)[where]), rows)  # noqa: E731
    return take(kept), take(held)


def _begin(weights: Any) -> _State:
    copy = jax.tree.map(jnp.array, weights)
    zero = jnp.int32(0)
    return _State(weights, copy, no_moments(weights), copy, jnp.float32(np.inf), zero, zero, zero)


@eqx.filter_jit
def _segment(
    state: _State, task: _Task, settings: Float32[Array, " settings"], stop: Int32[Array, ""], *, batch: int
) -> tuple[_State, _Tally]:
    """Steps up to ``stop`` (a traced number: one program serves segments of any length)."""
    n = jax.tree.leaves(task.rows)[0].shape[0]
    per_epoch = max(n // batch, 1)

    def order_of(step: Int32[Array, ""]) -> Int32[Array, " rows"]:
        bits = jax.random.bits(jax.random.fold_in(jax.random.fold_in(task.key, 0), step // per_epoch), (n,), jnp.uint32)
        return jnp.argsort(bits).astype(jnp.int32)

    def go_on(carry: tuple) -> Bool[Array, ""]:
        return (carry[0].step < stop) & (carry[0].bad_in_a_row < _BAD_IN_A_ROW)

    def step(carry: tuple) -> tuple:
        state, order, tally = carry
        place = state.step % per_epoch
        order = jax.lax.cond(place == 0, lambda: order_of(state.step), lambda: order)
        key = jax.random.fold_in(jax.random.fold_in(task.key, 1), state.step)
        if task.source is None:
            where = jax.lax.dynamic_slice(order, (place * batch,), (batch,))
            rows = jax.tree.map(lambda a: a[where], task.rows)
        else:
            key, own = jax.random.split(key)
            rows = task.source(own)
        state, tally = _step(state, tally, task, settings, rows, key)
        return state, order, tally

    zero = jnp.float32(0.0)
    begin = (state, order_of(state.step), _Tally(zero, zero, jnp.int32(0)))
    state, _, tally = jax.lax.while_loop(go_on, step, begin)
    return state, tally


def _step(
    state: _State, tally: _Tally, task: _Task, settings: Float32[Array, " settings"], rows: Any, key: Key
) -> tuple[_State, _Tally]:
    """One optimiser step; skipped and counted where loss or gradient are not finite."""
    total, highest, lowest, clip, average = settings
    loss, gradient = jax.value_and_grad(lambda w: task.loss(eqx.combine(w, task.static), rows, key))(state.weights)
    # Leaf by leaf, never as one vector: XLA fuses a joined gradient with the sums it is made of, several times slower.
    norm = jnp.sqrt(jnp.sum(jnp.stack([jnp.sum(g**2) for g in jax.tree.leaves(gradient)])))
    fine = jnp.isfinite(loss) & jnp.isfinite(norm)
    scale = jnp.minimum(clip / jnp.maximum(norm, np.float32(1e-30)), np.float32(1.0))
    gradient = jax.tree.map(lambda g: g * scale, gradient)
    update, moments = adam_step(gradient, state.moments)
    count = state.step.astype(jnp.float32)
    rate = _rate((count + np.float32(1.0)) / total, highest, lowest)
    decay = jnp.minimum(average, (1 + count) / (10 + count))  # a ramp: a constant one remembers the first weights
    weights = jax.tree.map(lambda w, u: w - rate * u, state.weights, update)
    averaged = jax.tree.map(lambda a, w: decay * a + (1 - decay) * w, state.average, weights)
    chosen = jax.tree.map(
        lambda new, old: jnp.where(fine, new, old),
        (weights, averaged, moments),
        (state.weights, state.average, state.moments),
    )
    state = state._replace(
        weights=chosen[0],
        average=chosen[1],
        moments=chosen[2],
        step=state.step + 1,
        bad=state.bad + jnp.where(fine, 0, 1).astype(jnp.int32),
        bad_in_a_row=jnp.where(fine, 0, state.bad_in_a_row + 1).astype(jnp.int32),
    )
    zero = jnp.float32(0.0)
    return state, _Tally(
        tally.loss + jnp.where(fine, loss, zero), tally.norm + jnp.where(fine, norm, zero), tally.good + fine
    )


def _rate(part: Float32[Array, ""], highest: Float32[Array, ""], lowest: Float32[Array, ""]) -> Float32[Array, ""]:
    along = (part - np.float32(WARM_UP)) / np.float32(1.0 - WARM_UP)
    along = jnp.clip(along, np.float32(0.0), np.float32(1.0))
    falling = lowest + np.float32(0.5) * (highest - lowest) * (1 + jnp.cos(np.float32(math.pi) * along))
    return jnp.where(part < np.float32(WARM_UP), highest * part / np.float32(WARM_UP), falling)


@eqx.filter_jit
def _evaluate(
    weights: Any, static: Any, rows: Any, key: Key, held_out: HeldOut | None, loss: Loss
) -> Float32[Array, ""]:
    network = eqx.combine(weights, static)
    if held_out is not None:
        return held_out(network, rows)
    keys = jax.random.split(key, _FIXED_NOISE)
    return jnp.mean(jnp.stack([loss(network, rows, k) for k in keys]))
