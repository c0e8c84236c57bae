"""Credible intervals against the quantiles of a known posterior."""

import numpy as np
import pytest

from tests.inference.models import OBSERVED, counting, peak
from wilks._base.errors import InvalidOption, ProcedureFailed
from wilks.inference.sampling.credible import credible_interval
from wilks.inference.sampling.ensemble import Ensemble
from wilks.inference.sampling.sampling import sample
from wilks.results.samples import Samples
from wilks.results.status import Status


@pytest.fixture(scope="module")
def samples() -> Samples:
    """A count of 3 with a flat prior: the posterior of its mean is a Gamma(4, 1) density."""
    return sample(1, counting(), [3.0], algorithm=Ensemble(steps=12_000), start={"s": 3.0})


def test_ends_are_those_of_the_gamma_density(samples):
    assert samples.converged, samples.verdict
    middle = credible_interval(samples, "s", level=0.9, kind="equal-tailed")
    shortest = credible_interval(samples, "s", level=0.9)
    error = 4 * 2.0 / np.sqrt(samples.effective("s")) / 0.3  # spread over sqrt(ESS), over the density's low tail
    assert (middle.lower, middle.upper) == pytest.approx((1.3663, 7.7537), abs=error)  # quantiles of Gamma(4, 1)
    assert (shortest.lower, shortest.upper) == pytest.approx((0.9374, 6.9463), abs=error)  # equal density at both ends
    assert shortest.best == pytest.approx(3.0, abs=0.4)  # the mode
    assert middle.best == pytest.approx(3.6721, abs=error)
    assert middle.status is Status.OK
    assert shortest.upper - shortest.lower < middle.upper - middle.lower
    assert str(shortest).startswith("s = ")


def test_draws_that_have_not_converged_give_no_interval_unless_forced():
    short = sample(1, peak(), OBSERVED, algorithm=Ensemble(steps=40), start={})
    with pytest.raises(ProcedureFailed, match="use force=True") as caught:
        credible_interval(short, "s")
    assert caught.value.result is short
    forced = credible_interval(short, "s", force=True)
    assert forced.status is Status.FAILED
    assert forced.flags["not_converged"] == short.verdict
    with pytest.raises(InvalidOption, match=r"level 0\.0 must lie between 0 and 1"):
        credible_interval(short, "s", level=0.0, force=True)
