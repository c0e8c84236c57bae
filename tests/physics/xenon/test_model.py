from typing import Annotated

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from wilks._base.errors import InvalidModel, InvalidOption, InvalidParameter, UnknownName
from wilks.likelihood.unbinned import Unbinned
from wilks.physics.xenon.er import ERSource
from wilks.physics.xenon.model import read_model
from wilks.physics.xenon.nr import NRSource
from wilks.physics.xenon.settings import Setting
from wilks.physics.xenon.splitting import safe_probability

NAMES = ("work", "electron_detection_eff", "p_electron", "penning_quenching_eff")


class Plain:
    work = Setting(13.7e-3)
    penning_quenching_eff = 1.0

    @staticmethod
    def electron_detection_eff(drift_time, x, *, elife=452e3, extraction_eff=0.96):
        return extraction_eff * jnp.exp(-drift_time / elife) + 0 * x

    @staticmethod
    def p_electron(nq, depth, a=0.3):
        return a + 0 * nq + 0 * depth


def test_signatures_name_hidden_variables_columns_and_parameters():
    model, space = read_model(Plain, NAMES, {}, ())
    found = {f.name: f for f in model.functions}
    assert found["electron_detection_eff"].columns == ("drift_time", "x")
    assert found["electron_detection_eff"].parameters == ("elife", "extraction_eff")
    assert not found["electron_detection_eff"].hidden
    assert found["p_electron"].columns == ("depth",)
    assert found["p_electron"].hidden
    assert set(model.constants) == {"work", "penning_quenching_eff"}
    assert space.names == ("elife", "extraction_eff", "a")
    assert space["elife"].start == 452e3


def test_units_of_parameters_are_read_from_annotations(er):
    def survival(z, length: Annotated[float, "cm"] = 60.0, share=0.96):
        return share * jnp.exp(z / length)

    source = ERSource(electron_detection_eff=survival)
    assert [source.space[name].unit for name in ("length", "share", "g2", "s2_max")] == ["cm", "", "PE", "PE"]
    assert er.space["elife"].unit == "ns"
    assert NRSource().space["drift_field"].unit == "V/cm"


def test_settings_replace_numbers_functions_and_defaults():
    settings = {"elife": 1e5, "work": 0.02, "penning_quenching_eff": lambda nph, quench=0.5: quench + 0 * nph}
    model, space = read_model(Plain, NAMES, settings, ())
    assert float(model.constants["work"]) == 0.02
    assert space["elife"].start == 1e5
    assert space["quench"].start == 0.5


def test_an_unknown_setting_names_its_neighbours():
    with pytest.raises(UnknownName, match=r"no setting 'elive'; did you mean 'elife'"):
        ERSource(elive=1.0)
    with pytest.raises(UnknownName, match="photon_detection_eff"):
        ERSource(photon_detection_efficiency=0.1)
    with pytest.raises(InvalidOption, match="tutorial"):
        ERSource(preset="2.2")


def test_two_defaults_of_one_parameter_are_an_error():
    with pytest.raises(InvalidParameter, match=r"parameter 'elife' is .* in 'electron_detection_eff'|in 'p_electron'"):
        read_model(Plain, NAMES, {"p_electron": lambda nq, elife=3.0: 0.3 + 0 * nq * elife}, ())


def test_a_name_is_not_both_function_and_parameter():
    with pytest.raises(InvalidModel, match="'work' is a model function and a parameter of 'p_electron'"):
        read_model(Plain, NAMES, {"p_electron": lambda nq, work=3.0: 0.3 + 0 * nq * work}, ())


@pytest.mark.parametrize(
    ("function", "error", "message"),
    [
        (lambda nq, *, a: 0.3, InvalidParameter, "'a' has no default"),
        (lambda nq, a="x": 0.3, InvalidParameter, "'x' of parameter 'a' is no finite number"),
        (lambda *nq: 0.3, InvalidModel, "neither an event column nor a parameter"),
        (lambda a=1.0: 0.3, InvalidModel, "must take quanta_produced as its first argument"),
    ],
)
def test_signatures_that_make_no_sense_are_refused(function, error, message):
    with pytest.raises(error, match=message):
        read_model(Plain, NAMES, {"p_electron": function}, ())


class TracedER(ERSource):
    @staticmethod
    def electron_detection_eff(z, absorption_length=60.0, extraction_efficiency=0.96):
        return extraction_efficiency * jnp.exp(z / absorption_length)


class NumpyER(ERSource):
    electron_gain_std = 6.0
    drift_velocity = 1.4e-4

    @staticmethod
    def electron_detection_eff(z, absorption_length=60.0, extraction_efficiency=0.96):
        return extraction_efficiency * np.exp(z / absorption_length)


class BoundER(ERSource):
    def electron_detection_eff(self, z, elife=452e3):
        return 0.96 * jnp.exp(z / self.drift_velocity / elife)


def test_the_tutorials_custom_source_describes_the_same_lifetime(er, er_events):
    custom = TracedER()
    assert "absorption_length" in custom.space
    assert "elife" not in custom.space
    same = {"absorption_length": 452e3 * custom.drift_velocity}
    assert custom.rate(same, er_events) == pytest.approx(er.rate(None, er_events), rel=1e-9)


def test_functions_in_plain_numpy_and_methods_work(er, er_events):
    at = {"absorption_length": 60.342}
    assert NumpyER(electron_gain_std=5.0).rate(at, er_events) == pytest.approx(er.rate(None, er_events), rel=1e-9)
    assert BoundER().rate({"elife": 300e3}, er_events) == pytest.approx(er.rate({"elife": 300e3}, er_events), rel=1e-9)


def test_numbers_in_a_subclass_are_constants_of_its_instances():
    assert NumpyER.electron_gain_std == 6.0
    assert float(NumpyER().electron_gain_std) == 6.0
    assert float(NumpyER(electron_gain_std=5.5).electron_gain_std) == 5.5
    assert NumpyER().drift_velocity == 1.4e-4
    assert NumpyER(drift_velocity=1.5e-4).volume.drift_velocity == 1.5e-4
    assert ERSource.drift_velocity == 1.335e-4


def test_model_functions_are_callable_on_the_class_with_arrays():
    nq = np.array([100.0, 365.0, 700.0])
    u = np.log10(nq * 13.7e-3 / 5 + 1e-9)
    assert np.asarray(ERSource.p_electron(nq)) == pytest.approx(13.7e-3 * (15 * u**2 - 27.7 * u + 32.5))
    assert np.asarray(ERSource.p_electron(nq, er_pel_c=0.0, er_pel_b=0.0, er_pel_a=0.0)) == pytest.approx(1e-5)
    with pytest.raises(TypeError, match="er_pel_d"):
        ERSource.p_electron(nq, er_pel_d=1.0)


def test_names_of_model_functions_are_those_of_flamedisx():
    assert len(ERSource().model_functions) == 25
    assert set(NRSource().model_functions) == set(ERSource().model_functions) - {"p_electron_fluctuation"} | {
        "lindhard_l"
    }
    assert list(ERSource().model_functions) == sorted(ERSource().model_functions)


def test_other_values_and_constants_compile_nothing(er, er_events):
    er.rate(None, er_events)
    programs = []

    def listen(event, _, **more):
        if event == "/jax/core/compile/jaxpr_to_mlir_module_duration":
            programs.append(event)

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        er.rate({"elife": 3e5, "g2": 21.0}, er_events)
        ERSource(elife=2e5, photon_detection_eff=0.101, fv_radius=40.0).rate(None, er_events)
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)
    assert programs == []


def test_a_probability_is_kept_inside():
    assert np.asarray(safe_probability(jnp.array([np.nan, -1.0, 0.5, 2.0]))).tolist() == [1e-5, 1e-5, 0.5, 1 - 1e-5]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"elife": 0.0}, "'electron_detection_eff' gives"),
        ({"elife": -1e5}, "'electron_detection_eff' gives .* expected a probability"),
        ({"g2": 0.0}, "'electron_gain_mean' gives 0 .* expected a positive number"),
        ({"extraction_eff": 1.2}, "'electron_detection_eff' gives 1.2"),
        ({"photon_detection_eff": -0.1}, "'photon_detection_eff' gives -0.1"),
        ({"double_pe_fraction": float("nan")}, "'double_pe_fraction' gives nan"),
        ({"p_electron": lambda nq: 1.5 + 0 * nq}, "'p_electron' gives 1.5 at quanta_produced = 1"),
        ({"photon_detection_eff": lambda lce: lce}, "takes the event column 'lce', which places do not have"),
        ({"s1_acceptance": lambda s1: 0 * s1}, "'s1_acceptance' is 0 for all signals"),
        ({"energies": np.ones(3)}, "one rate per energy"),
        ({"rates_vs_energy": -np.ones(1000)}, "rates_vs_energy: entry 0 is -1"),
        ({"energies": np.linspace(0, 400, 1000)}, "29197 quanta; tables hold at most 20000"),
        ({"fv_low": 1.0}, "fv_low 1.0 cm lies not below"),
        ({"fv_radius": -1.0}, "fv_radius is -1.0 cm"),
        ({"t_start": 2e18}, "t_start .* lies after t_stop"),
    ],
)
def test_models_that_make_no_sense_are_refused_when_they_are_made(settings, message):
    with pytest.raises(InvalidModel, match=message):
        ERSource(**settings)


def test_impossible_values_have_no_rate_and_no_finite_expectation(er, er_events):
    for values in ({"extraction_eff": 1.3}, {"g2": -1.0}):
        assert (er.rate(values, er_events) == 0).any()
        assert np.isinf(float(er.expected_events(values)))
    for name, bounds in {"extraction_eff": (0.5, 1.3), "g2": (0.0, 25.0)}.items():
        with pytest.raises(InvalidParameter, match=f"'{name}': at its bound .* narrow the bounds"):
            Unbinned({"er": er}, free_rates=["er"], free={name: bounds})
    with pytest.raises(UnknownName, match="did you mean 'elife'"):
        er.rate({"elive": 1.0}, er_events)
