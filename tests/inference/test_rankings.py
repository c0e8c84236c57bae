import numpy as np
import pytest

from tests.inference.models import OBSERVED, systematics
from tests.reference.published import PYHF_README
from wilks._base.errors import InvalidOption, UnknownName
from wilks.inference.fitting import fit
from wilks.inference.rankings import impacts
from wilks.likelihood.counts import PoissonCounts
from wilks.likelihood.joint import Joint
from wilks.model.modifiers import Channel, NormFactor, NormSys, ShapeSys, TemplateSample
from wilks.model.template_model import TemplatePredictor
from wilks.plots.rankings import impacts as draw_impacts
from wilks.results.store import load

SIGNAL, BACKGROUND, SEEN = 20.0, 100.0, 130.0
SHIFT, RELATIVE = 0.04, 0.05


def one_bin(*modifiers) -> PoissonCounts:
    """n = 20 mu + 100 x (what the modifiers do): the best values of mu and of every nuisance are known."""
    signal = TemplateSample("signal", [SIGNAL], modifiers=[NormFactor("mu")])
    background = TemplateSample("background", [BACKGROUND], modifiers=list(modifiers))
    return PoissonCounts(TemplatePredictor.from_channels([Channel("SR", [signal, background])]))


@pytest.fixture(scope="module")
def ranking():
    likelihood = one_bin(NormSys("scale", 1 + SHIFT, 1 / (1 + SHIFT)), ShapeSys("stat", [RELATIVE * BACKGROUND]))
    return impacts(likelihood, [SEEN], "mu", groups={"scale": ["scale"], "counted": ["stat[0]"]})


def test_impacts_of_one_bin_are_those_of_the_closed_form(ranking):
    # mu = (n - b (1 + shift)^alpha gamma)/s, and only their own terms constrain alpha and gamma
    assert ranking.names == ("stat[0]", "scale")
    np.testing.assert_allclose(ranking.errors, [RELATIVE, 1.0], rtol=1e-6)
    per_unit = -BACKGROUND / SIGNAL
    expected_up = [per_unit * RELATIVE, per_unit * SHIFT]
    expected_down = [-per_unit * RELATIVE, -per_unit * (1 - 1 / (1 + SHIFT))]
    np.testing.assert_allclose(ranking.up, expected_up, rtol=1e-6)
    np.testing.assert_allclose(ranking.down, expected_down, rtol=1e-6)
    np.testing.assert_allclose(ranking.up_prefit, expected_up, rtol=1e-6)
    np.testing.assert_allclose(ranking.down_prefit, expected_down, rtol=1e-6)
    np.testing.assert_allclose(ranking.shift_up, expected_up, rtol=1e-6)
    np.testing.assert_allclose(ranking.shift_down, expected_down, rtol=1e-6)
    np.testing.assert_allclose(ranking.pull, 0.0, atol=1e-6)
    np.testing.assert_allclose(ranking.constraint, 1.0, rtol=1e-6)
    assert not ranking.clipped.any()


def test_the_error_budget_of_one_bin_is_that_of_the_closed_form(ranking):
    slope = np.log(1 + SHIFT) * BACKGROUND / SIGNAL  # the curvature knows the derivative at alpha = 0
    assert ranking.statistical == pytest.approx(np.sqrt(SEEN) / SIGNAL, rel=1e-6)
    assert ranking.groups["scale"] == pytest.approx(slope, rel=1e-6)
    assert ranking.groups["counted"] == pytest.approx(RELATIVE * BACKGROUND / SIGNAL, rel=1e-6)
    total = ranking.statistical**2 + sum(share**2 for share in ranking.groups.values())
    assert total == pytest.approx(ranking.sigma**2, rel=1e-6)
    assert ranking.linear.tolist() == pytest.approx([-RELATIVE * BACKGROUND / SIGNAL, -slope], rel=1e-6)


def test_impacts_are_those_of_single_fits_with_a_parameter_held():
    likelihood = systematics()
    found, best = impacts(likelihood, OBSERVED, "mu"), fit(likelihood, OBSERVED)
    assert set(found.names) == set(best.free) - {"mu"}
    assert (np.diff(found.largest) <= 0).all()
    for i, name in enumerate(found.names):
        for step, impact in ((1.0, found.up[i]), (-1.0, found.down[i])):
            value = best.values[name] + step * best.errors[name]
            again = fit(likelihood, OBSERVED, space=likelihood.space.fix({name: value}))
            # both fits stop at an EDM of 1e-10, which leaves 1.4e-5 of an error
            assert impact == pytest.approx(again.values["mu"] - best.values["mu"], abs=5e-5 * best.errors["mu"])
    for name, (pull, constraint) in best.pulls.items():
        where = found.names.index(name)
        assert (found.pull[where], found.constraint[where]) == pytest.approx((pull, constraint))
    assert np.isnan(found.up_prefit[found.names.index("b")])  # it has no error before the fit


def test_moved_measurements_and_the_rest_add_up_to_the_error():
    likelihood = systematics()
    found, best = impacts(likelihood, OBSERVED, "mu"), fit(likelihood, OBSERVED)
    with_errors = likelihood.space.fix({name: best.values[name] for name in best.pulls})
    rest = fit(likelihood, OBSERVED, space=with_errors).errors["mu"]  # constrained ones held: a lower limit of the rest
    by_measurements = np.nansum((0.5 * (found.shift_up - found.shift_down)) ** 2)
    assert by_measurements + rest**2 == pytest.approx(found.sigma**2, rel=0.03)  # exact in a linear model
    assert 0 < by_measurements < found.sigma**2


def test_parts_of_a_joint_are_moved_where_they_stand():
    alone = one_bin(ShapeSys("stat", [RELATIVE * BACKGROUND]))
    joint = Joint({"here": alone})
    one = impacts(alone, [SEEN], "mu")
    both = impacts(joint, {"here": [SEEN]}, "mu")
    np.testing.assert_allclose(both.shift_up, one.shift_up, rtol=1e-9)
    np.testing.assert_allclose(both.up, one.up, rtol=1e-9)


def test_a_parameter_near_its_bound_is_held_there_and_said_so():
    likelihood = one_bin(ShapeSys("stat", [RELATIVE * BACKGROUND]))
    near = likelihood.space.replace("stat[0]", upper=1.0 + 0.4 * RELATIVE)
    found = impacts(likelihood, [SEEN], "mu", space=near)
    assert found.clipped.tolist() == [True]
    assert found.up[0] == pytest.approx(-0.4 * RELATIVE * BACKGROUND / SIGNAL, rel=1e-6)
    assert found.down[0] == pytest.approx(RELATIVE * BACKGROUND / SIGNAL, rel=1e-6)
    assert "at a bound" in str(found)


def test_bad_questions_are_refused():
    likelihood = one_bin(ShapeSys("stat", [RELATIVE * BACKGROUND]))
    with pytest.raises(UnknownName, match=r"group 'all': no parameter 'stad"):
        impacts(likelihood, [SEEN], "mu", groups={"all": ["stad[0]"]})
    with pytest.raises(InvalidOption, match="take it out"):
        impacts(likelihood, [SEEN], "mu", groups={"all": ["mu"]})
    with pytest.raises(InvalidOption, match="expected a list"):
        impacts(likelihood, [SEEN], "mu", groups={"all": "stat[0]"})
    with pytest.raises(InvalidOption, match="release it"):
        impacts(likelihood, [SEEN], "mu", space=likelihood.space.fix(mu=1.0))
    with pytest.raises(InvalidOption, match="nothing moves it"):
        impacts(likelihood, [SEEN], "mu", space=likelihood.space.fix({"stat[0]": 1.0}))


def test_a_ranking_prints_saves_and_draws(ranking, tmp_path):
    assert "error budget: statistical 0.57" in str(ranking)
    again = load(ranking.save(tmp_path / "ranking.json"))
    assert again.names == ranking.names
    np.testing.assert_array_equal(again.up, ranking.up)
    figure = draw_impacts(ranking, top=1, labels={"stat[0]": "control region"})
    (lower, _) = figure.axes
    assert [text.get_text() for text in lower.get_yticklabels()] == ["control region"]
    with pytest.raises(InvalidOption, match="at least 1"):
        draw_impacts(ranking, top=0)


def test_the_reference_workspace_of_pyhf_ranks_both_bins():
    signal = TemplateSample("signal", PYHF_README["signal"], modifiers=[NormFactor("mu")])
    shape = ShapeSys("stat", PYHF_README["uncertainty"])
    background = TemplateSample("background", PYHF_README["background"], modifiers=[shape])
    likelihood = PoissonCounts(TemplatePredictor.from_channels([Channel("SR", [signal, background])]))
    found = impacts(likelihood, [51.0, 62.0], "mu")
    assert set(found.names) == {"stat[0]", "stat[1]"}
    assert (found.up < 0).all()
    assert (found.down > 0).all()
    np.testing.assert_allclose(found.up, found.linear, rtol=0.1)  # nearly linear at these counts
