import pickle

import jax
import numpy as np
import pytest

from wilks.physics.flavor.examples import (
    a4_charged,
    a4_neutrinos,
    leptons_and_quarks,
    modular_a4,
    modular_s4,
    s4_charged,
    s4_neutrinos,
    tau_of,
)

MIXING = ("s12^2", "s13^2", "s23^2", "d/pi", "r", "J")
CP_ODD = {"J": lambda x: -x, "d/pi": lambda x: (2.0 - x) % 2.0, "eta1": lambda x: -x % 1.0, "eta2": lambda x: -x % 1.0}


@pytest.fixture(scope="module")
def worked():
    return {"A4": modular_a4(), "NO": modular_s4("NO"), "IO": modular_s4("IO")}


@pytest.fixture(scope="module")
def compiled(worked):
    """Observables of the three models as compiled functions."""
    return {name: jax.jit(lambda v, m=item.model: dict(m.observables(v))) for name, item in worked.items()}


def moved(values, tau):
    return {**values, "Retau": tau.real, "Imtau": tau.imag}


def assert_same(found, expected, odd=False):
    for name in expected:
        if name.endswith("_wrong_scaled") or name == "nscale":  # the matrices change by a factor under S
            continue
        want = CP_ODD[name](float(expected[name])) if odd and name in CP_ODD else float(expected[name])
        got = float(found[name])
        period = {"d/pi": 2.0, "eta1": 1.0, "eta2": 1.0, "alpha21/pi": 2.0, "alpha31/pi": 2.0}.get(name)
        if odd and name.startswith("alpha"):
            want = -want
        difference = got - want if period is None else (got - want + period / 2) % period - period / 2
        # rounding of matrices of size 1 against hierarchies of 1e-4 in the charged leptons: 1e-12/1e-4
        assert abs(difference) < 1e-8 * max(1.0, abs(want)), name


@pytest.mark.parametrize("ordering", ["NO", "IO"])
@pytest.mark.parametrize("move", [lambda tau: tau + 1, lambda tau: -1 / tau], ids=["T", "S"])
def test_the_double_cover_model_is_modular_invariant(compiled, worked, ordering, move):
    values = worked[ordering].published
    tau = complex(tau_of(values))
    expected = compiled[ordering](dict(values))
    assert_same(compiled[ordering](moved(values, move(tau))), expected)


def test_the_a4_model_is_invariant_under_t(compiled):
    values = {"Retau": 0.13, "Imtau": 1.2}
    assert_same(compiled["A4"](moved(values, 1.13 + 1.2j)), compiled["A4"](values))


@pytest.mark.parametrize("name", ["A4", "NO", "IO"])
def test_reflection_of_tau_turns_cp_round(compiled, worked, name):
    values = dict(worked[name].published) or {"Retau": 0.13, "Imtau": 1.2}
    reflected = {**values, "Retau": -values["Retau"]}
    assert_same(compiled[name](reflected), compiled[name](values), odd=True)


@pytest.mark.parametrize("ordering", ["NO", "IO"])
def test_published_points_lie_near_the_data(compiled, worked, ordering):
    found = compiled[ordering](dict(worked[ordering].published))
    # best fits of arXiv:2006.03058 to data of 2020: within three of today's standard deviations
    assert float(found["s12^2"]) == pytest.approx(0.304, abs=0.036)
    assert float(found["s13^2"]) == pytest.approx(0.0222, abs=0.0018)
    assert 0.43 < float(found["s23^2"]) < 0.60
    assert float(found["r"]) == pytest.approx(0.0295 if ordering == "NO" else -0.0298, abs=0.0015)
    assert float(found["me/mu"]) == pytest.approx(0.0048, abs=0.0006)
    assert float(found["mu/mt"]) == pytest.approx(0.0565, abs=0.0045)
    assert float(found["m_bb"]) > 0.0


def test_the_a4_model_predicts_too_large_a_third_angle(compiled):
    found = compiled["A4"]({"Retau": 0.0117, "Imtau": 0.9948})  # best point of arXiv:1706.08749
    assert float(found["s12^2"]) == pytest.approx(0.310, abs=0.005)
    assert float(found["s13^2"]) == pytest.approx(0.0447, abs=0.001)  # data: 0.0222 +- 0.0006


def test_matrices_have_the_form_of_the_publications():
    values = {"Retau": 0.1, "Imtau": 1.1, "a2t": 1.0, "a3t": 2.0, "g2t": 0.5, "g3t": -0.3, "n_scale": 1.0}
    for matrix in (a4_neutrinos(values), s4_neutrinos(values)):
        assert np.asarray(matrix) == pytest.approx(np.asarray(matrix).T, abs=1e-15)  # symmetric by construction
    assert np.trace(np.asarray(a4_charged(values))) == pytest.approx(1.0 + 0.0565 * 1.0048, rel=1e-15)  # rounding
    doubled = {**values, "n_scale": 2.0}
    assert np.asarray(s4_neutrinos(doubled)) == pytest.approx(2 * np.asarray(s4_neutrinos(values)), rel=1e-15)
    charged = np.asarray(s4_charged(values))
    assert np.linalg.matrix_rank(charged) == 3


@pytest.mark.parametrize("ckm", ["standard", "wolfenstein"])
def test_leptons_and_quarks_are_predicted_together(ckm):
    example = leptons_and_quarks(ckm)
    found = jax.jit(lambda v: dict(example.model.observables(v)))({"Retau": 0.1, "Imtau": 1.0})
    assert set(example.fitted) <= set(found)
    assert all(np.isfinite(found[name]) for name in example.fitted)


def test_worked_models_pickle(worked):
    for item in worked.values():
        values = {p.name: p.start for p in item.model.space.parameters}
        twin = pickle.loads(pickle.dumps(item))
        assert twin.fitted == item.fitted
        assert twin.model(values)["s12^2"] == item.model(values)["s12^2"]
