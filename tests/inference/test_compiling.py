"""Programs are compiled once for a shape: new data, new toys and new truths reuse them."""

import contextlib

import jax
import numpy as np
import pytest

from tests.inference.models import BACKGROUND, OBSERVED, SIGNAL, peak
from wilks.inference import lanes, toys
from wilks.inference.fitting import fit, fit_many
from wilks.inference.intervals import intervals
from wilks.inference.profiles import profile
from wilks.inference.statistics import ProfileRatio
from wilks.likelihood.counts import ChiSquareCounts, PoissonCounts
from wilks.model.linear import LinearTemplates


@contextlib.contextmanager
def counting():
    """Number of programs traced and lowered inside, by name."""
    names: list[str] = []

    def listen(event, _, **details):
        if event == "/jax/core/compile/jaxpr_to_mlir_module_duration":
            names.append(details.get("fun_name", "?"))

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        yield names
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)


@pytest.fixture(autouse=True)
def _warm():
    """Small programs of JAX itself (transfers, keys) are not counted."""
    fit(peak(), OBSERVED)
    intervals(peak(), OBSERVED)
    profile(peak(), OBSERVED, "s", points=5)
    toys.toys(1, peak(), peak(), {"s": 1.0, "b": 1.0}, 3, statistic=ProfileRatio(held={"s": 1.0}))


def test_the_counter_counts():
    with counting() as compiled:
        jax.jit(lambda x: x * 3.25)(np.zeros(7)).block_until_ready()
    assert len(compiled) == 1


def test_other_data_compile_nothing():
    with counting() as compiled:
        fit(peak(), OBSERVED + 3)
        intervals(peak(), OBSERVED + 1)
        profile(peak(), OBSERVED + 2, "b", points=5)
    assert compiled == []


def test_a_model_of_equal_structure_compiles_nothing():
    twin = PoissonCounts(
        LinearTemplates.of(
            {"s": SIGNAL * 1.3, "b": BACKGROUND * 0.9}, parameters={name: peak().space[name] for name in ("s", "b")}
        )
    )
    with counting() as compiled:
        fit(twin, OBSERVED)
    assert compiled == []


def test_more_toys_another_seed_and_another_truth_compile_nothing():
    with counting() as compiled:
        for n, seed, truth in ((50, 1, 1.0), (2048, 2, 1.1), (2500, 3, 0.9)):
            values = {"s": truth, "b": 1.0}
            toys.toys(seed, peak(), peak(), values, n, statistic=ProfileRatio(held={"s": 1.0}))
    assert compiled == []


def test_a_toy_study_of_stored_templates_compiles_its_draws_alone():
    likelihood = PoissonCounts(LinearTemplates.of({"s": SIGNAL[:7], "b": BACKGROUND[:7]}))
    with counting() as compiled:
        toys.toys(1, likelihood, likelihood, {"s": 1.0, "b": 1.0}, 5000)
    assert [name for name in compiled if "program" in name or "batch" in name or "simulate" in name] == ["jit(program)"]


def test_a_toy_study_of_a_new_shape_compiles_each_of_its_programs_once():
    likelihood = ChiSquareCounts(LinearTemplates.of({"s": SIGNAL[:7], "b": BACKGROUND[:7]}), cost="cnp")
    simulator = PoissonCounts(likelihood.predictor)
    with counting() as compiled:
        toys.toys(1, simulator, likelihood, {"s": 1.0, "b": 1.0}, 5000)
    ours = [name for name in compiled if "program" in name or "batch" in name or "simulate" in name]
    assert 2 <= len(ours) <= 4, ours  # draws and fits; saturated densities and rescues where they need one


def test_fits_of_many_sets_share_the_program_of_the_small_batch():
    sets = np.random.default_rng(1).poisson(OBSERVED, (20, 10)).astype(float)
    fit_many(peak(), sets)
    with counting() as compiled:
        fit_many(peak(), sets[:13])
        fit_many(peak(), sets + 1)
    assert compiled == []
    assert lanes.SMALL_BATCH >= 20
