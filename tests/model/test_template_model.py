"""The template model: expectations, parts, parameters, derivatives, and what it refuses."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wilks._base.errors import InvalidModel, InvalidOption, UnknownName
from wilks.model.modifiers import (
    Channel,
    HistoSys,
    Lumi,
    NormFactor,
    NormSys,
    ShapeFactor,
    ShapeSys,
    StatError,
    TemplateSample,
)
from wilks.model.predictor import Auxiliary
from wilks.model.template_model import TemplatePredictor
from wilks.parameters.parameter import Parameter

LUMI = {"lumi": Auxiliary("lumi", "gaussian", 0.02, 1.0)}


def everything() -> TemplatePredictor:
    """Two channels of different size with every modifier."""
    signal = TemplateSample("sig", [1.0, 4.0, 2.0], modifiers=[NormFactor("mu"), Lumi(), NormSys("eff", 1.1, 0.93)])
    background = TemplateSample(
        "bkg",
        [20.0, 15.0, 9.0],
        modifiers=[
            HistoSys("tilt", [22.0, 15.0, 8.0], [17.0, 15.5, 10.0]),
            NormSys("tilt", 1.05, 0.97),
            StatError("st", [1.0, 0.8, 0.0]),
        ],
    )
    fakes = TemplateSample(
        "fakes", [2.0, 1.0, 0.0], modifiers=[ShapeSys("ff", [0.5, 0.3, 0.2]), StatError("st", [0.2, 0.1, 0.0])]
    )
    control = TemplateSample("bkg", [50.0, 40.0], modifiers=[ShapeFactor("sf"), NormSys("eff", 0.9, 1.05)])
    return TemplatePredictor.from_channels(
        [Channel("SR", [signal, background, fakes]), Channel("CR", [control])], auxiliary=LUMI
    )


def numbers(model: TemplatePredictor, **changes: float) -> np.ndarray:
    return np.asarray(model(model.space.unpack(model.space.complete(changes))))


def test_nominal_prediction_is_the_sum_of_templates():
    np.testing.assert_allclose(numbers(everything()), [23.0, 20.0, 11.0, 50.0, 40.0], rtol=1e-15)


def test_each_modifier_acts_where_it_stands():
    model = everything()
    np.testing.assert_allclose(numbers(model, mu=3.0), [25.0, 28.0, 15.0, 50.0, 40.0], rtol=1e-15)
    np.testing.assert_allclose(numbers(model, lumi=0.5), [22.5, 18.0, 10.0, 50.0, 40.0], rtol=1e-15)
    np.testing.assert_allclose(numbers(model, eff=1.0), [23.1, 20.4, 11.2, 45.0, 36.0], rtol=1e-14)
    np.testing.assert_allclose(numbers(model, **{"st[1]": 2.0}), [23.0, 36.0, 11.0, 50.0, 40.0], rtol=1e-15)
    np.testing.assert_allclose(numbers(model, **{"ff[0]": 2.0}), [25.0, 20.0, 11.0, 50.0, 40.0], rtol=1e-15)
    np.testing.assert_allclose(numbers(model, **{"sf[1]": 0.5}), [23.0, 20.0, 11.0, 50.0, 20.0], rtol=1e-15)


def test_shape_and_norm_of_one_name_share_their_parameter_and_shapes_come_first():
    # (template + shift) x factor
    expected = np.array([22.0, 15.0, 8.0]) * 1.05 + [3.0, 5.0, 2.0]
    np.testing.assert_allclose(numbers(everything(), tilt=1.0)[:3], expected, rtol=1e-14)


def test_parameters_are_alphabetical_with_the_defaults_of_histfactory():
    space = everything().space
    assert space.names == (
        *("eff", "ff[0]", "ff[1]", "ff[2]", "lumi", "mu", "sf[0]", "sf[1]", "st[0]", "st[1]", "st[2]", "tilt"),
    )
    assert [(p.start, p.lower, p.upper) for p in (space["eff"], space["mu"], space["sf[0]"], space["st[0]"])] == [
        (0.0, -5.0, 5.0),
        (1.0, 0.0, 10.0),
        (1.0, 0.0, 10.0),
        (1.0, 1e-10, 10.0),
    ]
    assert set(space.names) - set(space.free) == {"st[2]", "ff[2]"}  # no uncertainty; no content


def test_auxiliary_measurements():
    terms = {term.parameter: term for term in everything().auxiliary}
    assert terms["eff"] == Auxiliary("eff", "gaussian", 1.0, 0.0)
    assert terms["lumi"] == LUMI["lumi"]
    assert terms["ff[1]"] == Auxiliary("ff[1]", "poisson", 1.0 / 0.3**2, 1.0 / 0.3**2)
    assert terms["st[0]"].kind == "gaussian"
    np.testing.assert_allclose(terms["st[0]"].width, np.hypot(1.0, 0.2) / 22.0, rtol=1e-15)
    assert not {"mu", "sf[0]", "st[2]", "ff[2]"} & set(terms)


def test_poisson_staterror():
    sample = TemplateSample("b", [10.0], modifiers=[StatError("st", [2.0], "poisson")])
    model = TemplatePredictor.from_channels([Channel("c", [sample])])
    assert model.auxiliary == (Auxiliary("st[0]", "poisson", 25.0, 25.0),)


def test_settings_of_the_user_replace_defaults():
    sample = TemplateSample("s", [10.0, 1.0], modifiers=[NormFactor("mu"), StatError("st", [1.0, 0.0])])
    model = TemplatePredictor.from_channels(
        [Channel("c", [sample])],
        parameters={"mu": Parameter("mu", 2.0, lower=-5.0), "st[1]": Parameter("st[1]", 1.5)},
        auxiliary={"mu": Auxiliary("mu", "gaussian", 0.3, 1.2)},
    )
    assert model.space["mu"].lower == -5.0
    assert model.space["st[1]"].fixed  # a bin without uncertainty stays fixed
    assert {term.parameter for term in model.auxiliary} == {"mu", "st[0]"}


def points(model: TemplatePredictor) -> st.SearchStrategy:
    lowers, uppers = np.maximum(model.space.lowers, -2.5), np.minimum(model.space.uppers, 2.5)
    return st.tuples(*(st.floats(lo, hi) for lo, hi in zip(lowers, uppers, strict=True))).map(np.array)


MODEL = everything()
PREDICT = jax.jit(lambda theta: MODEL(MODEL.space.unpack(theta)))
JACOBIAN = jax.jit(jax.jacfwd(PREDICT))


@given(points(MODEL))
def test_jacobian_equals_finite_difference(theta):
    # step 1e-6 on numbers up to 1e3: rounding 1e-7, third derivatives times 1e-12, kinks of curvature at +-1 up to 1e-6
    step = 1e-6
    numeric = [(PREDICT(theta + e) - PREDICT(theta - e)) / (2 * step) for e in step * np.eye(len(theta))]
    np.testing.assert_allclose(JACOBIAN(jnp.asarray(theta)).T, np.array(numeric), rtol=1e-5, atol=1e-5)


def test_derivative_at_zero_norm():
    jacobian = JACOBIAN(jnp.asarray(MODEL.space.complete({"mu": 0.0, "lumi": 0.0, "st[0]": 0.0})))
    assert np.isfinite(jacobian).all()
    only_mu = JACOBIAN(jnp.asarray(MODEL.space.complete({"mu": 0.0})))[:, MODEL.space.index("mu")]
    np.testing.assert_allclose(only_mu, [1.0, 4.0, 2.0, 0.0, 0.0], rtol=1e-15)


@given(points(MODEL))
def test_samples_add_up_to_the_prediction(theta):
    values = MODEL.space.unpack(theta)
    np.testing.assert_allclose(MODEL.by_sample(values).sum(axis=0), MODEL(values), rtol=1e-14)


def test_rows_of_samples_have_names():
    assert MODEL.sample_names == (("SR", ("sig", "bkg", "fakes")), ("CR", ("bkg",)))
    rows = MODEL.by_sample(MODEL.space.unpack(MODEL.space.starts))
    np.testing.assert_array_equal(rows[:, 3:], [[50.0, 40.0], [0.0, 0.0], [0.0, 0.0]])


def test_order_of_samples_and_modifiers_does_not_matter():
    sr, cr = MODEL.channels
    mirrored = [
        TemplateSample(s.name, s.values, s.variances, tuple(reversed(s.modifiers))) for s in reversed(sr.samples)
    ]
    other = TemplatePredictor.from_channels([cr, Channel("SR", mirrored)], auxiliary=LUMI)
    assert other.space.names == MODEL.space.names
    values = MODEL.space.unpack(np.linspace(0.4, 1.6, len(MODEL.space)))
    # sums of three terms in another order
    np.testing.assert_allclose(np.roll(other(values), 3), MODEL(values), rtol=1e-14)


def test_channels_come_back_exactly():
    rebuilt = TemplatePredictor.from_channels(MODEL.channels, auxiliary=LUMI)
    for field in ("nominal", "norms", "gammas"):
        np.testing.assert_array_equal(getattr(rebuilt, field), getattr(MODEL, field))
    np.testing.assert_array_equal(rebuilt.packed.figures, MODEL.packed.figures)
    assert rebuilt.packed.layout == MODEL.packed.layout


def simulated() -> TemplatePredictor:
    samples = [
        TemplateSample("sig", [2.0, 3.0], [0.1, 0.2], [NormFactor("mu"), NormSys("eff", 1.1, 0.9)]),
        TemplateSample("bkg", [9.0, 0.0], [0.5, 0.0], [HistoSys("tilt", [10.0, 0.0], [8.5, 0.0])]),
        TemplateSample("data-driven", [4.0, 4.0]),
    ]
    return TemplatePredictor.from_channels([Channel("SR", samples)])


def test_parts_split_what_simulation_knows():
    model = simulated()
    values = {"mu": 2.0, "eff": 1.0, "tilt": 1.0}
    parts = model.parts(values)
    np.testing.assert_allclose(parts.exact, [4.0, 4.0], rtol=1e-15)
    np.testing.assert_allclose(parts.simulated, [14.4, 6.6], rtol=1e-14)
    np.testing.assert_allclose(parts.variance, [2.2**2 * 0.1 + 0.5, 2.2**2 * 0.2], rtol=1e-14)
    np.testing.assert_allclose(parts.exact + parts.simulated, model(values), rtol=1e-14)


def test_relative_error_is_that_of_the_templates():
    np.testing.assert_allclose(simulated().relative_error(), np.sqrt([0.6, 0.2]) / [11.0, 3.0], rtol=1e-15)
    np.testing.assert_array_equal(everything().relative_error(), np.zeros(5))


def test_models_of_equal_structure_share_one_compiled_program():
    traces = []

    @eqx.filter_jit
    def predict(model, theta):
        traces.append(1)
        return model(model.space.unpack(theta))

    for scale in (1.0, 2.0):
        sample = TemplateSample("s", [scale, 3.0], modifiers=[NormFactor("mu"), NormSys("eff", 1.0 + 0.1 * scale, 0.9)])
        model = TemplatePredictor.from_channels([Channel("SR", [sample])])
        np.testing.assert_allclose(
            predict(model, jnp.array([1.0, 2.0]))[0], 2 * scale * (1.0 + 0.1 * scale), rtol=1e-14
        )
    assert len(traces) == 1


B = TemplateSample("b", [5.0, 6.0])


def one(*modifiers, **more):
    return [Channel("SR", [TemplateSample("b", [5.0, 6.0], modifiers=modifiers, **more)])]


def two(first, second, bins=(5.0, 6.0)):
    return [*one(first), Channel("CR", [TemplateSample("c", bins, modifiers=[second])])]


BAD = {
    "no channels": ([], "at least one channel"),
    "no samples": ([Channel("SR", [])], "'SR' has no samples"),
    "no bins": ([Channel("SR", [TemplateSample("b", [])])], "no bins"),
    "channel twice": ([Channel("SR", [B]), Channel("SR", [B])], "two channels named 'SR'"),
    "sample twice": ([Channel("SR", [B, B])], "two samples named 'b'"),
    "lengths differ": ([Channel("SR", [B, TemplateSample("c", [1.0])])], "sample 'c'.*shape"),
    "nan": ([Channel("SR", [TemplateSample("b", [1.0, np.nan])])], r"values\[1\] = nan"),
    "negative variance": (one(variances=[0.1, -0.2]), r"variances\[1\] = -0.2"),
    "edges too few": ([Channel("SR", [B], [0.0, 1.0])], "2 edges for 2 bins"),
    "edges unsorted": ([Channel("SR", [B], [0.0, 2.0, 1.0])], "rising"),
    "normsys zero": (one(NormSys("x", 1.1, 0.0)), "'SR', sample 'b', normsys 'x': lo = 0.0"),
    "normsys negative": (one(NormSys("x", -1.1, 0.9)), "hi = -1.1"),
    "histosys length": (one(HistoSys("x", [1.0], [1.0, 2.0])), "histosys 'x': hi have shape"),
    "sigma negative": (one(ShapeSys("x", [0.1, -0.1])), r"shapesys 'x': sigma\[1\] = -0.1"),
    "staterror infinite": (one(StatError("x", [0.1, np.inf])), r"sigma\[1\] = inf"),
    "counted twice": (one(StatError("x", [0.1, 0.1]), variances=[0.1, 0.1]), "twice"),
    "modifier twice": (one(NormFactor("x"), NormFactor("x")), "two modifiers named 'normfactor x'"),
    "kinds differ": (two(NormFactor("x"), NormSys("x", 1.1, 0.9)), "normfactor.*'SR'.*normsys.*'CR'.*two kinds"),
    "shapesys reused": (two(ShapeSys("x", [1, 1]), ShapeSys("x", [1, 1])), "'SR'.*'CR'.*one sample"),
    "staterror reused": (two(StatError("x", [1, 1]), StatError("x", [1, 1])), "'SR'.*'CR'.*one channel"),
    "shapefactor of other size": (two(ShapeFactor("x"), ShapeFactor("x"), (1.0,)), "2 and 1 bins"),
    "luminosity unknown": (one(Lumi()), "no measured luminosity"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_models_are_refused_by_name(case):
    channels, message = BAD[case]
    with pytest.raises(InvalidModel, match=message):
        TemplatePredictor.from_channels(channels)


def test_unknown_settings_are_refused():
    with pytest.raises(UnknownName, match="did you mean 'mu'"):
        TemplatePredictor.from_channels(one(NormFactor("mu")), parameters={"mo": Parameter("mo", 1.0)})
    with pytest.raises(UnknownName, match="'tau'"):
        TemplatePredictor.from_channels(one(NormFactor("mu")), auxiliary={"tau": LUMI["lumi"]})
    with pytest.raises(InvalidModel, match="bear the name 'nu'"):
        TemplatePredictor.from_channels(one(NormFactor("mu")), parameters={"mu": Parameter("nu", 1.0)})
    with pytest.raises(InvalidOption, match=r"histosys code '3'.*0, 2, 4p"):
        TemplatePredictor.from_channels(one(NormFactor("mu")), codes={"histosys": "3"})
    with pytest.raises(InvalidOption, match="did you mean 'normsys'"):
        TemplatePredictor.from_channels(one(NormFactor("mu")), codes={"normsis": "1"})


def test_staterror_constraints_must_agree():
    samples = [
        TemplateSample("a", [5.0], modifiers=[StatError("st", [1.0])]),
        TemplateSample("b", [5.0], modifiers=[StatError("st", [1.0], "poisson")]),
    ]
    with pytest.raises(InvalidModel, match="gaussian and poisson"):
        TemplatePredictor.from_channels([Channel("SR", samples)])
