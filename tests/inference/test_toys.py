"""Toys: the same bytes on any executor, the beginning of any longer study, nothing lost."""

import concurrent.futures as futures

import jax
import numpy as np
import pytest
from scipy import stats

from tests.inference.models import TRUTH, counting, peak, readme, systematics
from tests.inference.work import Spoiling
from wilks._base.errors import InvalidOption, UnknownName
from wilks.execution.keys import chunk_key
from wilks.inference.fitting import fit
from wilks.inference.lanes import take_one
from wilks.inference.statistics import Discovery, Distance, ProfileRatio
from wilks.inference.toys import draw, pose_study, toys
from wilks.likelihood.counts import ChiSquareCounts, PoissonCounts
from wilks.likelihood.joint import Joint
from wilks.model.linear import LinearTemplates
from wilks.results.status import Status

RATIO = ProfileRatio(held=TRUTH)
FIELDS = ("theta", "excess", "nll", "t", "status", "rung")


def same(one, two, n=None):
    return all(np.array_equal(getattr(one, f)[:n], getattr(two, f)[:n], equal_nan=True) for f in FIELDS)


def study(n=5000, **more):
    """Several chunks of toys."""
    return toys(11, peak(), peak(), TRUTH, n, statistic=RATIO, **more)


@pytest.fixture(scope="module")
def reference():
    return study()


def test_the_same_seed_gives_the_same_bytes(reference):
    assert 2 * reference.chunk_size < 5000
    assert same(reference, study())
    assert not same(reference, toys(12, peak(), peak(), TRUTH, 5000, statistic=RATIO))
    assert same(reference, toys(jax.random.key(11), peak(), peak(), TRUTH, 5000, statistic=RATIO))


@pytest.mark.parametrize(("chunks", "more"), [(0, 1), (0, 7), (0, 600), (1, 0), (1, 1), (2, 77)])
def test_a_longer_study_begins_with_the_toys_of_a_shorter_one(reference, chunks, more):
    n = chunks * reference.chunk_size + more
    assert same(study(n), reference, n)


def test_threads_give_the_same_bytes(reference):
    with futures.ThreadPoolExecutor(2) as pool:
        assert same(reference, study(executor=pool))


def test_processes_give_the_same_bytes(reference):
    assert same(reference, study(executor=2))


def test_dask_workers_give_the_same_bytes(reference):
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        assert same(reference, study(executor=client))


def test_statistics_do_not_change_the_toys(reference):
    plain = toys(11, peak(), peak(), TRUTH, 300)
    assert plain.t is None
    np.testing.assert_array_equal(plain.theta, reference.theta[:300])


def test_toys_are_the_fits_of_their_data():
    thrown = toys(3, peak(), peak(), TRUTH, 4, statistic=Discovery("s", 0.0))
    posed = pose_study(3, peak(), peak(), TRUTH, None)
    data = draw(peak(), chunk_key(posed.seed, posed.words, 0), posed.theta, posed.chunk_size)
    for k in range(4):
        alone = fit(peak(), take_one(data, k))
        np.testing.assert_allclose((thrown.theta[k] - alone.theta) / alone.sigma, 0, atol=2e-4)  # EDM 1e-8
        assert thrown.nll[k] == pytest.approx(alone.nll, abs=1e-7)


def test_likelihood_ratios_are_never_negative(reference):
    assert (reference.t >= 0).all()
    assert reference.failed == 0
    # t at the truth with two parameters: mean 2 within 4 standard errors, sqrt(4/5000)
    assert reference.t.mean() == pytest.approx(2.0, abs=4 * np.sqrt(4 / 5000) + 0.02)


def test_toys_without_refit_stay_at_the_truth():
    thrown = toys(3, peak(), peak(), TRUTH, 50, statistic=Distance("pearson"), refit=False)
    np.testing.assert_array_equal(thrown.theta, np.ones((50, 2)))
    assert thrown.t.mean() == pytest.approx(10.0, abs=4 * np.sqrt(20 / 50))  # chi-square of ten bins
    assert "no refit" in thrown.how


@pytest.mark.parametrize("refit", [True, False])
def test_spoilt_toys_fail_alone_keep_their_place_and_are_counted(refit):
    spoilt = Spoiling(peak().space, peak(), 10)
    thrown = toys(3, spoilt, peak(), TRUTH, 200, statistic=Distance("saturated"), refit=refit)
    bad = np.isnan(thrown.t)
    assert 5 < bad.sum() < 45
    assert thrown.failed == bad.sum()
    assert (thrown.status[bad] > 2).all()
    assert thrown.flags["failed_toys"].startswith(f"{bad.sum()} of 200 toys have no trustworthy fit")
    # what is simulated is part of the identity of the keys: compare with the same simulator that spoils never
    clean = toys(3, spoilt, peak(), TRUTH, 200, statistic=Distance("saturated"), refit=refit)
    assert same(thrown, clean)


def test_counts_are_poisson_and_auxiliary_data_fluctuate():
    data = draw(systematics(), jax.random.key(1), systematics().space.starts, 400)
    assert (data.counts == np.round(data.counts)).all()
    assert (data.counts >= 0).all()
    assert (data.auxiliary.std(axis=0) > 0.5).all()
    poisson = draw(readme(), jax.random.key(1), readme().space.starts, 50)
    assert (poisson.auxiliary == np.round(poisson.auxiliary)).all()


def test_many_toys_are_drawn_in_blocks_that_do_not_show():
    n = 4500  # four blocks and a bit: five of 900
    likelihood = systematics()
    together = draw(likelihood, jax.random.key(1), likelihood.space.starts, n)
    assert {len(leaf) for leaf in jax.tree.leaves(together)} == {n}
    each = jax.vmap(lambda key: likelihood.simulate(key, likelihood.space.unpack(likelihood.space.starts)))
    for place in (0, 899, 900, n - 1):
        alone = each(jax.random.split(jax.random.key(1), n)[place : place + 1])
        for leaf, own in zip(jax.tree.leaves(together), jax.tree.leaves(alone), strict=True):
            np.testing.assert_allclose(leaf[place : place + 1], own, rtol=1e-13)  # rounding


def test_draws_in_blocks_fill_the_last_one():
    n = 4501  # 5 does not divide it: the last block begins inside the one before
    likelihood = peak()
    drawn = draw(likelihood, jax.random.key(1), np.ones(2), n)
    first = draw(likelihood, jax.random.key(1), np.ones(2), 4500)
    assert all((one[:4500] == two).all() for one, two in zip(*map(jax.tree.leaves, (drawn, first)), strict=True))
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(drawn))


def test_empty_toys_are_legal():
    thrown = toys(1, counting(), counting(), {"s": 0.01}, 100, statistic=ProfileRatio(held={"s": 0.01}))
    assert thrown.failed == 0
    assert np.isfinite(thrown.t).all()
    empty = thrown.theta[:, 0] == 0
    assert empty.sum() > 90
    assert set(thrown.status[empty]) == {Status.AT_BOUND.code}
    np.testing.assert_allclose(thrown.t[empty], 0.02, rtol=1e-6)  # 2 mu


def test_a_simulator_may_hold_its_parameters_in_another_order():
    other = PoissonCounts(
        LinearTemplates.of({"b": peak().predictor.templates[:, 1], "s": peak().predictor.templates[:, 0]})
    )
    cost = ChiSquareCounts(peak().predictor, cost="pearson")
    thrown = toys(5, other, cost, {"s": 3.0, "b": 0.5}, 300)
    assert thrown.names == ("s", "b")
    np.testing.assert_allclose(thrown.theta.mean(axis=0), [3.0, 0.5], rtol=0.1)
    assert "pearson is biased" in thrown.flags["biased_cost"]


def test_joints_throw_toys():
    control = PoissonCounts(LinearTemplates.of({"b": [40.0, 40.0]}, parameters={"b": peak().space["b"]}))
    both = Joint({"a": peak(), "c": control})
    thrown = toys(1, both, both, TRUTH, 60, statistic=ProfileRatio(held={"s": 1.0}))
    assert thrown.failed == 0
    assert (thrown.t >= 0).all()


def test_progress_counts_toys():
    seen = []
    study(progress=lambda done, total, failed, seconds: seen.append((done, total, failed)))
    assert seen[-1] == (5000, 5000, 0)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: toys(1, peak(), peak(), TRUTH, 0), InvalidOption, "0 toys asked for; ask for at least 1"),
        (lambda: toys(-1, peak(), peak(), TRUTH, 5), InvalidOption, r"seed -1 lies outside \[0, 2\^64\)"),
        (lambda: toys(1, peak(), peak(), {"s": 1.0}, 5), UnknownName, "missing: 'b'"),
        (lambda: toys(1, peak(), peak(), {**TRUTH, "x": 1.0}, 5), UnknownName, "unknown: 'x'"),
        (lambda: Distance("chi2"), InvalidOption, "statistic 'chi2' does not exist; choose one of saturated, pearson"),
        (lambda: toys(1, peak(), peak(), TRUTH, 5, executor="two"), InvalidOption, "cannot run work"),
        (
            lambda: toys(1, peak(), peak(), TRUTH, 5, statistic=ProfileRatio(held={"mu": 1.0})),
            UnknownName,
            "no parameter 'mu'",
        ),
    ],
)
def test_what_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.slow
def test_pulls_of_many_toys_follow_the_law():
    thrown = toys(1, peak(), peak(), TRUTH, 50_000, statistic=RATIO)
    assert stats.kstest(thrown.t, "chi2", args=(2,)).statistic < 0.02  # asymptotic law for 250 events


@pytest.mark.parametrize("model", [peak, systematics])
def test_toys_drawn_together_are_those_drawn_one_by_one(model):
    likelihood, keys = model(), jax.random.split(jax.random.key(4), 50)
    theta = likelihood.space.starts
    whole = draw(likelihood, jax.random.key(4), theta, 50)
    each = jax.vmap(lambda key: likelihood.simulate(key, likelihood.space.unpack(theta)))(keys)
    np.testing.assert_array_equal(whole.counts, each.counts)
    np.testing.assert_allclose(whole.auxiliary, each.auxiliary, rtol=1e-12)  # rounding of another program


def test_toys_of_means_that_are_no_numbers_are_none_either():
    likelihood = peak()
    assert np.isnan(draw(likelihood, jax.random.key(4), np.array([np.nan, 1.0]), 3).counts).any()
