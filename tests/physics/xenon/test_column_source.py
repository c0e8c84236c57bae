"""Tests of sources that read their rates from a column."""

import jax
import numpy as np
import pytest

from wilks._base.errors import InvalidData, InvalidModel, MissingRole
from wilks.data.events import Events
from wilks.inference.fitting import fit
from wilks.likelihood.unbinned import Unbinned
from wilks.physics.xenon.column_source import ColumnSource

POOL = Events({"diff_rate": np.array([1.0, 2.0, 4.0]), "s1": np.array([10.0, 20.0, 30.0])})


def test_rates_come_from_the_column_and_the_expected_number_from_the_user():
    source = ColumnSource()
    np.testing.assert_allclose(source.rate(None, POOL), [1.0, 2.0, 4.0])
    assert float(source.expected_events()) == 42.0
    assert float(ColumnSource("s1", mu=7.0).mu_before_efficiencies()) == 7.0


def test_a_rate_of_zero_is_no_rate():
    assert ColumnSource().prepare(Events({"diff_rate": np.array([0.0])})).tolist() == [-np.inf]


def test_a_pure_rate_fit_is_exact():
    likelihood = Unbinned({"c": ColumnSource(mu=2.0)}, free_rates=["c"])
    assert np.isclose(fit(likelihood, POOL).values["c_rate_multiplier"], 1.5, rtol=1e-6)  # accuracy of the minimiser


def test_sets_are_rows_of_the_pool():
    keys = list(jax.random.split(jax.random.key(1), 300))
    sets = ColumnSource(mu=5.0, pool=POOL).simulate(keys)
    assert abs(np.mean([len(events) for events in sets]) - 5.0) < 4 * np.sqrt(5 / 300)  # four standard errors
    rows = {tuple(row) for events in sets for row in zip(events["diff_rate"], events["s1"], strict=True)}
    assert rows == {(1.0, 10.0), (2.0, 20.0), (4.0, 30.0)}


def test_wrong_use_is_refused():
    with pytest.raises(MissingRole, match="pool"):
        ColumnSource().simulate([jax.random.key(0)])
    with pytest.raises(InvalidData, match="no column 'diff_rate'"):
        ColumnSource().prepare(Events({"s1": np.zeros(1)}))
    with pytest.raises(InvalidData, match="is -1 at event 1"):
        ColumnSource().prepare(Events({"diff_rate": np.array([1.0, -1.0])}))
    with pytest.raises(InvalidModel, match="at least 0"):
        ColumnSource(mu=-1.0)
    with pytest.raises(InvalidModel, match="holds no events"):
        ColumnSource(pool=Events({}))
