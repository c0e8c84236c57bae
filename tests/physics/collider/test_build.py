import numpy as np
import pytest

from wilks._base.errors import InvalidData, InvalidModel
from wilks.data.axes import Regular
from wilks.data.histogram import Histogram
from wilks.inference.fitting import fit
from wilks.likelihood.counts import ChiSquareCounts, PoissonCounts
from wilks.parameters.parameter import Parameter
from wilks.physics.collider.build import COSTS, build, renormalised, with_vacant_bins_merged
from wilks.physics.collider.samples import HIGGS, REST
from wilks.physics.collider.tables import OFFICIAL_EXTENDED
from wilks.physics.collider.templates import Templates

AXIS = Regular(3, 0.0, 3.0)


def templates(counts=(10, 12, 8), **groups):
    groups = groups or {"s": (0.0, 4.0, 0.0), "b": (9.0, 8.0, 7.0)}
    histograms = {n: Histogram.from_weights(AXIS, v, np.abs(v) * 0.1, label=n) for n, v in groups.items()}
    return Templates(histograms, None if counts is None else Histogram.from_counts(AXIS, counts), luminosity_fb=10.0)


@pytest.fixture(scope="module")
def official():
    return build({"4l": Templates.from_table(OFFICIAL_EXTENDED).grouped(s_s=HIGGS, s_b=REST)})


def test_the_official_tables_expect_what_they_sum_up_to(official):
    assert official.predictor.space.names == ("s_s", "s_b")
    table = OFFICIAL_EXTENDED.histograms
    np.testing.assert_allclose(  # sums of the same float64 numbers in another order
        official.predictor({"s_s": 1.0, "s_b": 1.0}), sum(h.values() for h in table.values()), rtol=1e-12
    )
    assert official.counts["4l"].sum() == 218  # collider.md 8.2


def test_a_poisson_fit_gives_back_the_observed_number_of_events(official):
    likelihood = official.likelihood(template_statistics=None)
    result = fit(likelihood, official.counts)
    assert float(np.sum(likelihood.predictor(result.values))) == pytest.approx(218, rel=1e-6)  # EDM 1e-10


@pytest.mark.parametrize("cost", COSTS)
def test_every_cost_judges_and_the_simulator_is_poisson(official, cost):
    assert isinstance(official.likelihood(cost), PoissonCounts if cost == "poisson" else ChiSquareCounts)
    assert isinstance(official.simulator(), PoissonCounts)


def test_a_group_has_one_norm_in_all_channels():
    model = build({"e": templates(), "mu": templates(s=(1.0, 1.0, 1.0))})
    assert model.predictor.bin_names == (("e", 3), ("mu", 3))
    assert model.predictor.space.names == ("s", "b")
    np.testing.assert_allclose(model.predictor({"s": 2.0, "b": 0.0}), [0, 8, 0, 2, 2, 2], rtol=1e-15)


def test_a_norm_may_bear_another_name_and_bounds():
    model = build({"e": templates()}, {"s": Parameter("mu", 1.0, lower=-2.0)})
    assert model.predictor.space.names == ("mu", "b")
    assert model.predictor.space["mu"].lower == -2.0


def test_renormalising_scales_values_and_variances():
    scaled = renormalised(Templates.from_table(OFFICIAL_EXTENDED), "release", 10.064)
    before, after = OFFICIAL_EXTENDED.histogram("llll"), scaled.histograms["llll"]
    factor = 1.3 * 1.0064  # k-factor of the release times luminosity
    np.testing.assert_allclose(after.values(), before.values() * factor, rtol=1e-12)
    np.testing.assert_allclose(after.variances(), before.variances() * factor**2, rtol=1e-12)


def test_vacant_bins_are_merged_with_a_neighbour_and_it_is_said():
    merged = with_vacant_bins_merged(templates(counts=(3, 2, 5), b=(0.0, 4.0, 0.0)))
    assert merged.data.values().tolist() == [10.0]
    assert merged.histograms["b"].values().tolist() == [4.0]
    assert [notice.split(" because")[0] for notice in merged.notices] == [
        "bins merged to [0, 2)",
        "bins merged to [0, 3)",
    ]
    untouched = templates(counts=(0, 2, 0), b=(0.0, 4.0, 0.0))
    assert with_vacant_bins_merged(untouched) is untouched


def test_what_cannot_be_built_is_refused_with_its_place():
    with pytest.raises(InvalidModel, match="no channels"):
        build({})
    with pytest.raises(InvalidData, match="channel 'e' has no data"):
        build({"e": templates(counts=None)})
    with pytest.raises(InvalidModel, match="template 's' is empty: not identifiable"):
        build({"e": templates(s=(0.0, 0.0, 0.0), b=(1.0, 1.0, 1.0))})
    with pytest.raises(InvalidModel, match=r"channel 'e', bin 1 \[1, 2\): 12 events observed, but the samples b"):
        build({"e": templates(b=(1.0, -1.0, 1.0))})
    with pytest.raises(InvalidData, match=r"luminosity 10\.0 to 0 fb\^-1"):
        renormalised(templates(), "tutorial", 0)
