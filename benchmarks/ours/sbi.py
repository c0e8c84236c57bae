"""Simulation-based inference on our side: the same simulations, observations and questions as the peer gets."""

import time
from functools import cache
from typing import Any

import jax
import numpy as np
from harness.serving import Answer, Work
from problems.sbi_tasks import NARROW, PROBLEMS, observation, pairs, reference

from wilks._base.typing import Key, Values
from wilks.inference.sbi.budget import Budget
from wilks.inference.sbi.flows import SplineFlow
from wilks.inference.sbi.map_estimates import map_estimate
from wilks.inference.sbi.pairs import Pairs
from wilks.inference.sbi.paths import FlowMatching
from wilks.inference.sbi.posterior import NeuralPosterior, draw_many
from wilks.inference.sbi.posterior_training import train_posterior
from wilks.inference.sbi.score_paths import ScoreMatching
from wilks.inference.sbi.two_samples import c2st
from wilks.likelihood.interface import AbstractSimulator
from wilks.parameters.normal_priors import Normal
from wilks.parameters.parameter import Parameter
from wilks.parameters.priors import Uniform
from wilks.parameters.space import ParameterSpace

PATHS = {
    "flow": FlowMatching,
    "score": lambda: ScoreMatching(steps=30),  # of Heun's method; a quarter less than our default, at the same C2ST
    "spline": SplineFlow,
    "affine": lambda: SplineFlow(kind="affine"),
}
_FEW_STEPS = 200  # enough for a network whose speed alone is asked


class Mixture(AbstractSimulator):
    """x ~ N(theta, I) or N(theta, 0.01 I), where rounds ask for their own simulations."""

    space: ParameterSpace

    def simulate(self, key: Key, values: Values) -> jax.Array:
        """One set of data."""
        which, noise = jax.random.split(key)
        width = jax.numpy.where(jax.random.bernoulli(which), 1.0, 0.1)
        return self.space.pack(values) + width * jax.random.normal(noise, (2,))

    def expected(self, values: Values) -> jax.Array:
        """The mean of the data."""
        return self.space.pack(values)


def space_of(task: str) -> ParameterSpace:
    """Parameters of a task."""
    problem = PROBLEMS[task]
    half = problem.half_width
    bounds = {} if half is None else {"lower": -half, "upper": half}
    prior = Normal(0.0, NARROW) if half is None else Uniform(-half, half)
    return ParameterSpace(tuple(Parameter(f"theta{i + 1}", prior=prior, **bounds) for i in range(problem.size)))


def trained(task: str, method: str, seed: int, n: int, budget: Budget | None, **options: Any) -> NeuralPosterior:
    """A posterior of the pairs that the peer gets, too."""
    space = space_of(task)
    given = Pairs.from_arrays(*pairs(task, seed, n), space)
    return train_posterior(seed, Mixture(space), space, path=PATHS[method](), pairs=given, budget=budget, **options)


@cache
def quick_posterior(method: str) -> NeuralPosterior:
    """A posterior of two moons, trained for a moment."""
    options = {"coordinate": "box", "standardise": "none"}
    return trained("two_moons", method, 1, 10_000, Budget(steps=_FEW_STEPS), **options)


def posterior(
    task: str,
    method: str,
    seed: int,
    n: int,
    draws: int,
    observations: int,
    file: str,
    steps: int | None = None,
    named: dict[str, str] | None = None,
) -> Work:
    """Training with our defaults but for what is named, and draws at some observations, which go into a file."""

    def work() -> Answer:
        start = time.process_time()
        found = trained(task, method, seed, n, None if steps is None else Budget(steps=steps), **(named or {}))
        middle = time.process_time()
        numbers = range(1, observations + 1)
        for i in numbers:  # draws that leave the prior are made up for in blocks of other sizes, which compile
            found.sample(i, observation(task, i), draws)
        before = time.process_time()
        rows = {str(i): np.asarray(found.sample(i, observation(task, i), draws).draws[0]) for i in numbers}
        after = time.process_time()
        np.savez(file, **rows)
        how = f"{found.record.done} steps, {found.settings['coordinate']}"
        return {"items": 1, "training": middle - start, "drawing": (after - before) / observations, "how": how}

    return work


def rounds(rounds: int, seed: int, n: int, draws: int, steps: int, file: str) -> Work:
    """Truncated rounds for observation 1 of the mixture, with so many simulations in all and steps in each."""

    def work() -> Answer:
        start, space = time.process_time(), space_of("gaussian_mixture")
        found = train_posterior(
            seed, Mixture(space), space, path=ScoreMatching(), rounds=rounds, pairs=n,
            data=observation("gaussian_mixture", 1), budget=Budget(steps=steps),
        )  # fmt: skip
        spent = time.process_time() - start
        rows = np.asarray(found.sample(1, observation("gaussian_mixture", 1), draws).draws[0])
        np.savez(file, **{"1": rows})
        simulated = sum(line["simulated"] for line in found.ledger)
        return {"items": 1, "training": spent, "drawing": 0.0, "how": f"{simulated} simulations in {rounds} rounds"}

    return work


def judge(task: str, file: str, draws: int) -> Work:
    """C2ST of the draws in a file against the reference posteriors, one number per observation."""

    def work() -> Answer:
        with np.load(file) as found:
            scores = [c2st(found[name][:draws], reference(task, int(name))[:draws]) for name in sorted(found.files)]
        return {"items": len(scores), "scores": scores}

    return work


def epochs(task: str, method: str, n: int, number: int) -> Work:
    """Epochs of training alone: a long run less a short one, both with compiled programs."""
    options = {"coordinate": "box", "standardise": "none"}
    few = Budget(epochs=5)

    def work() -> Answer:
        spent = []
        for budget in (few, few, Budget(epochs=5 + number)):
            start = time.process_time()
            trained(task, method, 1, n, budget, **options)
            spent.append(time.process_time() - start)
        return {"items": 1, "per_epoch": (spent[2] - spent[1]) / number}

    return work


def draws(method: str, sets: int, n: int) -> Work:
    """Draws for one set of data, or for many at once, from a posterior that was trained for a moment."""
    found = quick_posterior(method)
    data = np.tile(observation("two_moons", 1), (sets, 1))

    def work() -> Answer:
        if sets == 1:
            found.sample(1, data[0], n)
        else:
            draw_many(found, 1, data, n)
        return {"items": 1}

    return work


def maximum(task: str, method: str) -> Work:
    """The most probable parameters of a posterior."""
    found = trained(task, method, 1, 10_000, Budget(steps=800))

    def work() -> Answer:
        best = map_estimate(1, found, observation(task, 1))
        height = float(found.log_prob(best.values, observation(task, 1)))
        return {"items": 1, "best": list(best.values.values()), "height": height}

    return work


TASKS = {
    "sbi_posterior": posterior,
    "sbi_rounds": rounds,
    "sbi_judge": judge,
    "sbi_epochs": epochs,
    "sbi_draws": draws,
    "sbi_maximum": maximum,
}
