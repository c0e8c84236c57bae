"""The likelihood of the drop-in for flamedisx: values, fits, intervals, prints, and its error cases."""

import re

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from scipy.optimize import brentq

import wilks.compat.flamedisx as fd
from wilks._base.errors import InvalidData, InvalidModel, InvalidOption, InvalidParameter, UnknownName
from wilks.compat.flamedisx.bestfit import fit_posed
from wilks.compat.flamedisx.frames import to_events
from wilks.inference.fitting import fit
from wilks.likelihood.unbinned import Unbinned
from wilks.physics.xenon.er import ERSource as NativeER


class Column(fd.ColumnSource):
    """A pure rate: every event has the same density."""

    column = "rate"
    mu = 20.0


def flat_data(n):
    return pd.DataFrame({"rate": np.full(n, 0.5)})


@pytest.fixture(scope="module")
def data():
    return fd.ERSource().simulate(25, seed=5, full_annotate=True)


@pytest.fixture(scope="module")
def likelihood(data):
    return fd.LogLikelihood(
        sources={"er": fd.ERSource}, data=data, elife=(300e3, 600e3, 2), free_rates=("er",), progress=False
    )


@pytest.fixture(scope="module")
def best(likelihood):
    return likelihood.bestfit()


@pytest.fixture(scope="module")
def pure():
    return fd.LogLikelihood(sources={"flat": Column}, data=flat_data(25), free_rates="flat")


def test_the_fit_is_that_of_the_native_likelihood(likelihood, best, data):
    native = Unbinned({"er": NativeER()}, free_rates=["er"], free={"elife": None})
    found = fit(native, to_events(data), space=native.space.replace("elife", lower=300e3, upper=600e3))
    assert best == pytest.approx(found.values, rel=1e-6)  # both stop at an EDM of 1e-10
    assert list(best) == likelihood.param_names == ["er_rate_multiplier", "elife"]
    assert likelihood(**best) == pytest.approx(-found.nll, abs=1e-8)


def test_value_gradient_and_hessian(likelihood, best):
    value, gradient, none = likelihood.log_likelihood(**best)
    assert none is None
    assert value == likelihood(**best)
    # at the minimum: derivatives times the errors are far below one
    assert np.abs(gradient * [5e-3, 2.6e4]).max() < 1e-4
    _, slope, hessian = likelihood.log_likelihood(second_order=True, er_rate_multiplier=0.03, elife=4e5)
    # d ln L / d rate = N / r - mu, and its derivative -N / r^2
    mu = likelihood.mu(source_name="er", er_rate_multiplier=1.0, elife=4e5)
    number = -hessian[0, 0] * 0.03**2
    assert number == pytest.approx(round(number), rel=1e-9)
    assert slope[0] == pytest.approx(number / 0.03 - mu, rel=1e-9)
    step = 400.0
    ends = [likelihood(er_rate_multiplier=0.03, elife=4e5 + s) for s in (-step, step)]
    # windows of the sums move by the accuracy of the rates, 1e-7 per event
    assert slope[1] == pytest.approx((ends[1] - ends[0]) / (2 * step), abs=25e-7 / step)
    twice = likelihood.minus2_ll(second_order=True, er_rate_multiplier=0.03, elife=4e5)
    assert twice[2] == pytest.approx(-2 * hessian)
    assert likelihood.log_likelihood(omit_grads=("elife",), **best)[1].shape == (1,)


def test_the_summary_has_the_layout_of_the_tutorial(likelihood, best, capsys):
    likelihood.summary(best)
    plain = capsys.readouterr().out
    likelihood.summary(best, inverse_hessian=likelihood.inverse_hessian(best))
    assert capsys.readouterr().out == plain
    likelihood.summary(best, cov=2 * likelihood.inverse_hessian(best))
    assert capsys.readouterr().out == plain
    lines = plain.splitlines()
    assert re.fullmatch(r"er_rate_multiplier: 0\.0\d+ \+- 0\.00\d+", lines[0])
    assert re.fullmatch(r"elife: \d\.\d+e\+05 \+- \d\.\d+e\+04", lines[1])
    assert lines[2] == "Correlation matrix:"
    assert lines[3].split() == ["er_rate_multiplier", "elife"]
    assert [line.split()[0] for line in lines[4:]] == ["er_rate_multiplier", "elife"]
    assert lines[4].split()[1] == "1.000"
    likelihood.summary(best, fix={"elife": 4.5e5}, precision=2)
    assert "elife: 4.5e+05 (fixed)" in capsys.readouterr().out


def test_intervals_and_limits_meet_their_thresholds(likelihood, best):
    low, high = likelihood.interval("elife", bestfit=best, confidence_level=0.68)
    assert low < best["elife"] < high
    # the profile over the rate is known: its best value is N / mu
    number = len(likelihood._events["the_dataset"])

    def twice(elife):
        rate = number / likelihood.mu(source_name="er", er_rate_multiplier=1.0, elife=elife)
        return 2 * (likelihood(**best) - likelihood(er_rate_multiplier=rate, elife=elife))

    for end in (low, high):
        assert twice(end) == pytest.approx(0.98895, abs=1e-5)  # chi-square quantile of 68 %, one degree
    upper = likelihood.limit("elife", bestfit=best, confidence_level=0.84)
    assert upper == pytest.approx(high, rel=1e-6)  # 84 % to one side is 68 % to both
    assert likelihood.limit("elife", kind="lower", confidence_level=0.84) == pytest.approx(low, rel=1e-6)


def test_hard_bounds_end_an_interval_and_say_so(data, caplog):
    narrow = fd.LogLikelihood({"er": fd.ERSource}, data=data, elife=(300e3, 470e3, 2), free_rates="er")
    assert narrow.interval("elife", confidence_level=0.95)[1] == 470e3
    assert "upper limit of elife is open" in caplog.text


def test_all_optimizers_find_one_optimum(likelihood, best):
    for optimizer in ("minuit", "tfp"):
        found = likelihood.bestfit(optimizer=optimizer, use_hessian=False, guess={"elife": 5e5})
        assert found == pytest.approx(best, rel=1e-5)
    values, errors = likelihood.bestfit(optimizer="minuit", return_errors=True)
    exact = np.sqrt(2 * np.diag(likelihood.inverse_hessian(best)))
    assert list(errors.values()) == pytest.approx(exact, rel=1e-4)
    assert values == pytest.approx(best, rel=1e-5)
    with pytest.raises(InvalidOption, match="minuit"):
        likelihood.bestfit(optimizer="adam")


def test_parameters_are_fixed_bounded_and_released(likelihood, best, data):
    fixed = likelihood.bestfit(fix={"elife": 4e5})
    assert fixed["elife"] == 4e5
    mu = likelihood.mu(dataset_name="the_dataset", er_rate_multiplier=1.0, elife=4e5)
    assert fixed["er_rate_multiplier"] == pytest.approx(len(data) / mu, rel=1e-6)
    assert likelihood.bestfit(bounds={"elife": (300e3, best["elife"] - 2e4)}, guess={"elife": 310e3})[
        "elife"
    ] == pytest.approx(best["elife"] - 2e4)
    with pytest.raises(InvalidParameter, match="outside"):
        likelihood.bestfit(guess={"elife": 1e5})
    with pytest.raises(UnknownName, match="elife"):
        likelihood.bestfit(guess={"elive": 1e5})
    with pytest.raises(UnknownName, match="elife"):
        likelihood(elive=1e5)
    assert likelihood.bestfit(get_lowlevel_result=True).status.converged


def test_a_parameter_on_its_bound_has_no_error(data, best, capsys):
    below = best["elife"] < 452e3
    bounds = (452e3, 600e3, 2) if below else (300e3, 452e3, 2)
    tight = fd.LogLikelihood({"er": fd.ERSource}, data=data, elife=bounds, free_rates="er")
    found = tight.bestfit()
    assert found["elife"] == 452e3
    tight.summary(found)
    printed = capsys.readouterr().out
    assert f"elife: 4.52e+05 (at its {'lower' if below else 'upper'} bound)" in printed
    rate = found["er_rate_multiplier"]
    assert f"er_rate_multiplier: {rate:.3g} +- {rate / np.sqrt(len(data)):.3g}" in printed
    assert printed.splitlines()[-1].split() == ["elife", "NaN", "NaN"]


def test_a_pure_rate_has_the_analytic_fit_and_interval(pure):
    # 25 events for mu = 20: r = N / mu, sigma = sqrt(N) / mu; the interval solves 2 (mu r - N - N ln(mu r / N)) = z^2
    assert pure.bestfit()["flat_rate_multiplier"] == pytest.approx(1.25, rel=1e-8)
    assert np.sqrt(2 * pure.inverse_hessian({"flat_rate_multiplier": 1.25})[0, 0]) == pytest.approx(0.25, rel=1e-9)

    def twice(r):
        return 2 * (20 * r - 25 - 25 * np.log(20 * r / 25))

    ends = [brentq(lambda r: twice(r) - 2.7055434540954, *side) for side in ((0.5, 1.25), (1.25, 2.5))]
    assert ends == pytest.approx([0.88259, 1.70749], abs=5e-6)
    assert pure.interval("flat_rate_multiplier") == pytest.approx(ends, rel=1e-8)
    threshold = {"t_ppf": lambda r: 1.0 + 0.0 * r}
    low, high = pure.interval("flat_rate_multiplier", **threshold)
    assert (twice(low), twice(high)) == pytest.approx((1.0, 1.0), rel=1e-6)
    assert pure.limit("flat_rate_multiplier", kind="upper", **threshold) == pytest.approx(high, rel=1e-9)
    assert pure.limit("flat_rate_multiplier", kind="lower", **threshold) == pytest.approx(low, rel=1e-9)
    with pytest.raises(InvalidOption, match="kind"):
        pure.limit("flat_rate_multiplier", kind="middle")


def test_guesses_are_one_event_each_and_the_first_takes_the_rest():
    class Other(Column):
        mu = 5.0

    both = fd.LogLikelihood({"one": Column, "two": Other}, data=flat_data(30), free_rates=("one", "two"))
    # 30 observed, 2 expected: the first is multiplied by 1 + 30 - 2
    assert both.guess() == pytest.approx({"one_rate_multiplier": 29 / 20, "two_rate_multiplier": 1 / 5})
    assert both.param_defaults == both.guess()
    assert both.mu(source_name="two") == pytest.approx(1.0)
    both.set_data(None)
    assert both.guess() == {"one_rate_multiplier": 1.0, "two_rate_multiplier": 1.0}
    with pytest.raises(InvalidData, match="no data"):
        both.bestfit()


def test_a_constraint_is_added_once_whatever_the_batches(pure):
    def constraint(flat_rate_multiplier, centre=1.0, **_):
        return -0.5 * ((flat_rate_multiplier - centre) / 0.1) ** 2

    for batch_size in (1, 5, 1000):
        held = fd.LogLikelihood({"flat": Column}, data=flat_data(25), free_rates="flat", log_constraint=constraint,
                                batch_size=batch_size)  # fmt: skip
        assert held(flat_rate_multiplier=1.3) == pytest.approx(pure(flat_rate_multiplier=1.3) - 4.5, rel=1e-12)
    held.set_constraint_extra_args(centre=1.3)
    assert held(flat_rate_multiplier=1.3) == pytest.approx(pure(flat_rate_multiplier=1.3), rel=1e-12)
    held.set_log_constraint(lambda flat_rate_multiplier, **_: jnp.log(flat_rate_multiplier))
    assert held(flat_rate_multiplier=1.0) == pytest.approx(pure(flat_rate_multiplier=1.0), rel=1e-12)
    # no events: minus the expected number, and the constraint
    held.set_data(flat_data(0))
    assert held(flat_rate_multiplier=2.0) == pytest.approx(-40.0 + np.log(2.0))


def test_bounds_of_rates():
    bounded = fd.LogLikelihood({"flat": Column}, data=flat_data(25), free_rates="flat")
    bounded.set_rate_multiplier_bounds(flat=(0.1, 1.0))
    assert bounded.bestfit()["flat_rate_multiplier"] == 1.0
    bounded.set_data(flat_data(0))
    bounded.default_bounds.clear()
    assert bounded.bestfit()["flat_rate_multiplier"] == fd.LOWER_RATE_MULTIPLIER_BOUND
    free = fd.LogLikelihood({"er": fd.ERSource}, elife=(1e5, 2e5), bounds_specified=False)
    assert free.default_bounds == {}


def test_data_sets_have_their_own_events_and_sources(likelihood):
    two = fd.LogLikelihood(
        sources={"sr0": {"one": Column}, "sr1": {"two": Column}},
        data={"sr0": flat_data(10), "sr1": flat_data(30)},
        free_rates=("one", "two"),
    )
    assert two.bestfit() == pytest.approx({"one_rate_multiplier": 0.5, "two_rate_multiplier": 1.5}, rel=1e-7)
    two.set_data({"sr0": flat_data(20)})
    assert two.bestfit()["one_rate_multiplier"] == pytest.approx(1.0, rel=1e-7)
    assert two.mu(dataset_name="sr1", two_rate_multiplier=2.0) == pytest.approx(40.0)
    with pytest.raises(InvalidOption, match="source_name or dataset_name"):
        two.mu()
    with pytest.raises(UnknownName, match="sr1"):
        two.set_data({"sr2": flat_data(1)})
    with pytest.raises(InvalidData, match="one table for the data sets"):
        two.set_data(flat_data(1))


def test_simulated_events_carry_their_source(likelihood):
    both = fd.LogLikelihood({"er": fd.ERSource, "nr": fd.NRSource}, free_rates="er", elife=(1e5, 6e5))
    found = both.simulate(er_rate_multiplier=0.05, nr_rate_multiplier=0.5, seed=1)
    assert set(found["source"]) == {"er", "nr"}
    numbers = found["source"].value_counts()
    mu = 0.05 * 848.254  # published number of the default source
    assert numbers["er"] == pytest.approx(mu, abs=4 * np.sqrt(mu))
    assert found["source"].ne(found["source"].shift()).sum() > 2  # shuffled
    again = both.simulate(er_rate_multiplier=0.05, nr_rate_multiplier=0.5, seed=1)
    pd.testing.assert_frame_equal(again, found)
    assert len(both.simulate(er_rate_multiplier=0.0, nr_rate_multiplier=0.0)) == 0
    with pytest.raises(UnknownName, match="er_rate"):
        both.simulate(er_rate=3.0)


def test_sources_may_be_instances_and_share_defaults(data):
    made = fd.LogLikelihood({"er": fd.ERSource(elife=4e5)}, data=data, elife=(3e5, 6e5))
    assert made.guess() == {"elife": 4e5}
    shared = fd.LogLikelihood({"er": fd.ERSource}, defaults={"elife": 4.4e5}, elife=(3e5, 6e5), max_sigma=5)
    assert shared.guess() == {"elife": 4.4e5}
    assert shared.sources["er"].max_sigma == 5


CASES = {
    "unknown free rate": (lambda: fd.LogLikelihood({"er": fd.ERSource}, free_rates="nr"), UnknownName, "er"),
    "parameter of no source": (lambda: fd.LogLikelihood({"er": fd.ERSource}, elive=(1, 2)), UnknownName, "elife"),
    "arguments of no source": (
        lambda: fd.LogLikelihood({"er": fd.ERSource}, arguments={"nr": {}}),
        UnknownName,
        "'nr', which is not there",
    ),
    "default of no source": (
        lambda: fd.LogLikelihood({"er": fd.ERSource}, defaults={"elive": 1}),
        UnknownName,
        "elife",
    ),
    "no class": (lambda: fd.LogLikelihood({"er": 3}), InvalidModel, "expected a class"),
    "no source": (lambda: fd.LogLikelihood({}), InvalidModel, "needs sources"),
    "two owners": (
        lambda: fd.LogLikelihood({"a": {"er": Column}, "b": {"er": Column}}),
        InvalidModel,
        "data sets 'a' and 'b'",
    ),
    "arguments of an instance": (
        lambda: fd.LogLikelihood({"er": Column()}, arguments={"er": {"mu": 1.0}}),
        InvalidModel,
        "made already",
    ),
    "different defaults": (
        lambda: fd.LogLikelihood({"a": fd.ERSource, "b": fd.ERSource}, arguments={"b": {"elife": 3e5}}),
        InvalidParameter,
        "elife",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_cannot_be_is_refused(case):
    build, error, words = CASES[case]
    with pytest.raises(error, match=words):
        build()


def test_events_that_no_source_explains_are_named():
    lost = fd.LogLikelihood({"flat": Column}, data=pd.DataFrame({"rate": [1.0, 0.0, 1.0]}), free_rates="flat")
    with pytest.raises(fd.OptimizerFailure, match="event"):
        lost.bestfit()
    assert not fit_posed(lost._posed(None, None, None), "scipy", throw=False).status.converged
