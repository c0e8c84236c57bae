"""Workspaces as models: agreement with pyhf, reference numbers, settings of measurements, export."""

import contextlib
import json
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import gammaln

from wilks._base.errors import InvalidModel, InvalidOption, UnknownName
from wilks.interchange.histfactory import Workspace
from wilks.likelihood.counts import ChiSquareCounts, PoissonCounts
from wilks.model.linear import LinearTemplates
from wilks.model.modifiers import Channel, NormFactor, NormSys, StatError, TemplateSample
from wilks.model.predictor import Auxiliary
from wilks.model.template_model import TemplatePredictor
from wilks.parameters.parameter import Parameter


@contextlib.contextmanager
def pyhf_quiet():
    """pyhf warns of deprecated parts of its own dependencies; only while the oracle runs is that ignored."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def pyhf_model(workspace: Workspace, codes: dict[str, str] | None = None, measurement: str | None = None):
    """pyhf's model and data of the same document."""
    codes = {"normsys": "4", "histosys": "4p"} | (codes or {})
    interpolation = {kind: {"interpcode": f"code{code}"} for kind, code in codes.items()}
    with pyhf_quiet():
        import pyhf

        pyhf.set_backend("numpy")
        theirs = pyhf.Workspace(workspace.document)
        model = theirs.model(measurement_name=measurement, modifier_settings=interpolation)
        return model, np.array(theirs.data(model))


NAMES = st.sampled_from(["z", "Bkg", "a b", "µ", "sig", "x.y"])


@st.composite
def workspaces(draw) -> dict:
    """Workspaces with any mixture of modifiers, names in any order, bins without content or uncertainty."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    channels, luminous = [], draw(st.booleans())
    for c, name in enumerate(draw(st.lists(NAMES, min_size=1, max_size=3, unique=True))):
        bins = draw(st.integers(1, 4))
        samples = []
        for s, sample in enumerate(draw(st.lists(NAMES, min_size=1, max_size=3, unique=True))):
            data = rng.uniform(1.0, 50.0, bins) * (rng.uniform(size=bins) < 0.9)
            data[0] += s == 0
            modifiers = [{"name": f"free{rng.integers(2)}", "type": "normfactor", "data": None}]
            for kind in draw(st.lists(st.sampled_from(KINDS), max_size=5, unique=True)):
                if kind != "lumi" or luminous:
                    modifiers.append(random_modifier(kind, rng, data, c, s))
            rng.shuffle(modifiers)
            samples.append({"name": sample, "data": data.tolist(), "modifiers": modifiers})
        samples[0]["data"] = (np.array(samples[0]["data"]) + 0.5).tolist()  # no bin without any expectation
        channels.append({"name": name, "samples": samples})
    rng.shuffle(channels)
    observations = [
        {"name": c["name"], "data": rng.poisson(30.0, len(c["samples"][0]["data"])).tolist()} for c in channels
    ]
    parameters = [
        {"name": "lumi", "auxdata": [1.1], "sigmas": [0.02], "inits": [1.05], "bounds": [[0.5, 1.5]]},
        {"name": "free0", "inits": [1.3], "bounds": [[-2.0, 7.0]], "fixed": draw(st.booleans())},
    ]
    present = {m["name"] for c in channels for s in c["samples"] for m in s["modifiers"]}
    parameters = [entry for entry in parameters if entry["name"] in present]
    measurements = [{"name": "m", "config": {"poi": "", "parameters": parameters}}]
    return {"channels": channels, "observations": observations, "measurements": measurements, "version": "1.0.0"}


KINDS = ("normsys", "histosys", "lumi", "shapefactor", "shapesys", "staterror")


def random_modifier(kind: str, rng: np.random.Generator, data: np.ndarray, c: int, s: int) -> dict:
    """One modifier; normsys and histosys share names with each other and across channels."""
    shared = f"syst{rng.integers(3)}"
    sigma = (0.1 * data * rng.uniform(0.2, 1.0, len(data)) * (rng.uniform(size=len(data)) < 0.8)).tolist()
    made = {
        "normsys": (shared, {"hi": rng.uniform(0.7, 1.4), "lo": rng.uniform(0.7, 1.4)}),
        "histosys": (
            shared,
            {
                "hi_data": (data * rng.uniform(0.8, 1.2, len(data))).tolist(),
                "lo_data": (data * rng.uniform(0.8, 1.2, len(data))).tolist(),
            },
        ),
        "lumi": ("lumi", None),
        "shapefactor": (f"factor{len(data)}", None),
        "shapesys": (f"shape{c}{s}", sigma),
        "staterror": (f"stat{c}", sigma),
    }
    name, content = made[kind]
    return {"name": name, "type": kind, "data": content}


def random_theta(space, rng: np.random.Generator) -> np.ndarray:
    """A point where everything is positive; naturally fixed parameters at their values."""
    theta = np.where(space.starts == 0.0, rng.uniform(-2.5, 2.5, len(space)), rng.uniform(0.5, 1.5, len(space)))
    return np.where(space.free_mask, theta, space.starts)


def poisson_log(n: np.ndarray, mu: np.ndarray) -> float:
    return float(np.sum(n * np.log(mu) - mu - gammaln(n + 1.0)))


def log_density(predictor: TemplatePredictor, theta: np.ndarray, expected: np.ndarray, counts: np.ndarray) -> float:
    """Counts and constraint terms, written out."""
    at = dict(zip(predictor.space.names, theta, strict=True))
    total = poisson_log(counts, expected)
    for term in predictor.auxiliary:
        if term.kind == "poisson":
            total += poisson_log(np.array(term.observed), np.array(term.width * at[term.parameter]))
        else:
            pull = (term.observed - at[term.parameter]) / term.width
            total -= 0.5 * pull**2 + np.log(term.width * np.sqrt(2 * np.pi))
    return total


@settings(max_examples=25)  # each example compiles a model of another shape
@given(workspaces(), st.sampled_from(["1", "4"]), st.sampled_from(["0", "4p"]), st.integers(0, 2**32 - 1))
def test_expectation_and_density_equal_pyhf(document, normsys, histosys, seed):
    codes = {"normsys": normsys, "histosys": histosys}
    workspace = Workspace.read(document)
    predictor = workspace.predictor(codes=codes)
    model, data = pyhf_model(workspace, codes)
    order, rng = workspace.pyhf_order(), np.random.default_rng(seed)
    assert [predictor.space.names[i] for i in order.parameters] == model.config.par_names
    counts = np.concatenate([entry["data"] for entry in document["observations"]])
    for _ in range(5):
        theta = random_theta(predictor.space, rng)
        expected = np.asarray(predictor(predictor.space.unpack(theta)))
        with pyhf_quiet():
            theirs = np.asarray(model.expected_actualdata(theta[order.parameters]))
        # 1e-8 is what the specification asks; the difference is the order of some twenty operations
        np.testing.assert_allclose(expected[order.bins], theirs, rtol=1e-10)
        if np.all(expected > 0):
            with pyhf_quiet():
                density = float(np.asarray(model.logpdf(theta[order.parameters], data))[0])
            ours = log_density(predictor, theta, expected, counts) + workspace.pyhf_constant()
            np.testing.assert_allclose(ours, density, rtol=1e-8, atol=1e-8)


@settings(max_examples=30)
@given(workspaces())
def test_starts_bounds_and_fixed_equal_pyhf(document):
    workspace = Workspace.read(document)
    space, order = workspace.predictor().space, workspace.pyhf_order()
    model, _ = pyhf_model(workspace)
    config = model.config
    np.testing.assert_array_equal(space.starts[order.parameters], config.suggested_init())
    np.testing.assert_array_equal(
        np.stack([space.lowers, space.uppers], 1)[order.parameters], config.suggested_bounds()
    )
    np.testing.assert_array_equal(~space.free_mask[order.parameters], config.suggested_fixed())


def test_code_2_follows_the_table_and_not_pyhf(readme):
    readme["channels"][0]["samples"][0] = {
        "name": "signal",
        "data": [10.0, 10.0],
        "modifiers": [{"name": "tilt", "type": "histosys", "data": {"hi_data": [15.0, 15.0], "lo_data": [8.0, 8.0]}}],
    }
    readme["measurements"][0]["config"]["poi"] = "tilt"
    predictor = Workspace.read(readme).predictor(codes={"histosys": "2"})
    for alpha, delta in ((0.5, 2.125), (1.0, 5.0), (2.0, 11.5), (-0.5, -1.375), (-1.0, -2.0), (-2.0, -2.5)):
        counts = predictor(predictor.space.unpack(predictor.space.complete({"tilt": alpha})))
        np.testing.assert_allclose(counts, [60.0 + delta, 62.0 + delta], rtol=1e-14)  # collider.md 8.4


def test_readme_model(readme):
    # reference numbers of collider.md 8.3 and engine.md R6, to the digits printed there
    workspace = Workspace.read(readme)
    likelihood, data = workspace.likelihood(), workspace.data()
    terms = {t.parameter: t.observed for t in likelihood.predictor.auxiliary}
    np.testing.assert_allclose([terms["uncorr[0]"], terms["uncorr[1]"]], [277.7777778, 55.18367347], rtol=1e-9)
    start = likelihood.space.unpack(likelihood.space.starts)
    np.testing.assert_allclose(-2 * likelihood.log_prob(start, data), 30.77525435, rtol=1e-9)
    best = {"mu": 0.0, "uncorr[0]": 1.003051, "uncorr[1]": 0.962670}
    np.testing.assert_allclose(-2 * likelihood.log_prob(best, data), 24.98393521, atol=1e-6)
    assert workspace.poi() == "mu"


@pytest.mark.shared
def test_real_workspace_equals_pyhf(shared_data):
    path = shared_data / "atlas4l" / "atlas_od13_4lep_official_pyhf.json"
    workspace = Workspace.read(path)
    assert workspace.notices == ()
    assert workspace.digest() == "8f5154b24b64699e55fa323faf53a40317d6f966a313ff8ef22fdc3dd848e33f"
    likelihood, data = workspace.likelihood(), workspace.data()
    model, their_data = pyhf_model(workspace)
    order = workspace.pyhf_order()
    theta = random_theta(likelihood.space, np.random.default_rng(1))
    with pyhf_quiet():
        density = float(np.asarray(model.logpdf(theta[order.parameters], their_data))[0])
    ours = likelihood.log_prob(likelihood.space.unpack(theta), data) + workspace.pyhf_constant()
    np.testing.assert_allclose(float(ours), density, rtol=1e-8)
    assert workspace.poi() == "s_s"
    assert likelihood.space["s_b"].lower == 0.1


@pytest.mark.shared
def test_profiled_staterror_is_the_best_of_the_explicit_ones(shared_data):
    workspace = Workspace.read(shared_data / "atlas4l" / "atlas_od13_4lep_official_pyhf.json")
    closed, explicit = workspace.likelihood(statistics="profiled"), workspace.likelihood()
    assert closed.space.names == ("s_b", "s_s")
    values = {"s_s": 1.4, "s_b": 1.1}
    gammas = np.asarray(closed.fitted_scale(values, workspace.data(statistics="profiled")))
    full = {**values, **{f"st[{i}]": gamma for i, gamma in enumerate(gammas)}}
    best = closed.log_prob(values, workspace.data(statistics="profiled"))
    # equal up to rounding of sums of 30 terms
    np.testing.assert_allclose(best, explicit.log_prob(full, workspace.data()), rtol=1e-10)
    for shift in (-1e-3, 1e-3):
        worse = {**full, "st[7]": full["st[7]"] + shift}
        assert explicit.log_prob(worse, workspace.data()) < best


def test_gradient_of_density_equals_finite_difference(readme):
    workspace = Workspace.read(readme)
    likelihood, data = workspace.likelihood(), workspace.data()
    density = jax.jit(lambda theta: likelihood.log_prob(likelihood.space.unpack(theta), data))
    theta = np.array([0.7, 1.02, 0.9])
    steps = 1e-5 * np.eye(3)
    numeric = [(density(theta + step) - density(theta - step)) / 2e-5 for step in steps]
    # truncation 1e-10 times third derivatives of 1e3, rounding 1e-9
    np.testing.assert_allclose(jax.grad(density)(jnp.asarray(theta)), numeric, rtol=1e-6, atol=1e-6)


def stat_workspace() -> dict:
    """One channel with a staterror, a luminosity and two systematics, and settings for all of them."""
    modifiers = [
        {"name": "lumi", "type": "lumi", "data": None},
        {"name": "st", "type": "staterror", "data": [1.0, 0.0, 2.0]},
        {"name": "eff", "type": "normsys", "data": {"hi": 1.1, "lo": 0.9}},
        {"name": "sh", "type": "shapesys", "data": [0.0, 1.0, 2.0]},
        {"name": "mu", "type": "normfactor", "data": None},
    ]
    parameters = [
        {"name": "lumi", "auxdata": [1.0], "sigmas": [0.03], "inits": [1.0], "bounds": [[0.0, 10.0]]},
        {"name": "st", "auxdata": [1.1, 1.2, 0.9], "sigmas": [0.2, 0.3, 0.4], "inits": [1.05, 0.95, 1.0]},
        {"name": "sh", "auxdata": [1.5, 90.0, 24.0], "factors": [2.0, 95.0, 20.0]},
        {"name": "eff", "auxdata": [0.3], "fixed": True},
    ]
    return {
        "channels": [{"name": "c", "samples": [{"name": "s", "data": [10.0, 9.0, 8.0], "modifiers": modifiers}]}],
        "observations": [{"name": "c", "data": [11, 8, 7.5]}],
        "measurements": [
            {"name": "first", "config": {"poi": "mu", "parameters": parameters}},
            {"name": "second", "config": {"poi": "", "parameters": parameters[:1]}},
        ],
        "version": "1.0.0",
    }


def test_settings_of_a_measurement_equal_pyhf():
    workspace = Workspace.read(stat_workspace())
    for measurement in workspace.measurements:
        likelihood, data = workspace.likelihood(measurement), workspace.data(measurement)
        model, their_data = pyhf_model(workspace, measurement=measurement)
        theta = random_theta(likelihood.space, np.random.default_rng(4))
        with pyhf_quiet():
            theirs = float(np.asarray(model.logpdf(theta[workspace.pyhf_order().parameters], their_data))[0])
        ours = likelihood.log_prob(likelihood.space.unpack(theta), data) + workspace.pyhf_constant(measurement)
        np.testing.assert_allclose(float(ours), theirs, rtol=1e-10)
    assert workspace.likelihood("first").space["eff"].fixed
    assert not workspace.likelihood("second").space["eff"].fixed


def test_measurements_are_chosen_by_name():
    workspace = Workspace.read(stat_workspace())
    assert workspace.poi() == "mu"
    assert workspace.poi("second") is None
    assert any("2 measurements; the first, 'first', is used" in notice for notice in workspace.notices)
    assert "notice: " in repr(workspace)
    with pytest.raises(UnknownName, match="did you mean 'second'"):
        workspace.predictor("secnd")
    with pytest.raises(InvalidOption, match="explicit, profiled"):
        workspace.predictor(statistics="conway")
    with pytest.raises(InvalidModel, match="sets staterror 'st'"):
        workspace.predictor(statistics="profiled")


def test_a_single_bin_modifier_may_be_the_parameter_of_interest(readme):
    for channel in (readme["channels"][0]["samples"][0], readme["channels"][0]["samples"][1]):
        channel["data"] = channel["data"][:1]
    readme["channels"][0]["samples"][1]["modifiers"][0]["data"] = [3.0]
    readme["observations"][0]["data"] = [51.0]
    readme["measurements"][0]["config"]["poi"] = "uncorr"
    assert Workspace.read(readme).poi() == "uncorr[0]"


# Writing ------------------------------------------------------------------------------------------------------------


@settings(max_examples=30)
@given(workspaces())
def test_digest_survives_writing_and_reading(tmp_path_factory, document):
    workspace = Workspace.read(document)
    path = workspace.write(tmp_path_factory.mktemp("written") / "workspace.json")
    again = Workspace.read(path)
    assert again.digest() == workspace.digest()
    assert again.document == document
    with pyhf_quiet():
        import pyhf

        assert pyhf.utils.digest(json.loads(path.read_text(encoding="utf-8"))) == workspace.digest()


@settings(max_examples=6)  # each example compiles
@given(workspaces())
def test_export_gives_the_same_model(document):
    workspace = Workspace.read(document)
    one = workspace.predictor()
    exported = Workspace.from_predictor(one, workspace.data())
    two = exported.predictor()
    assert [repr(p) for p in two.space.parameters] == [repr(p) for p in one.space.parameters]
    assert two.auxiliary == one.auxiliary
    assert two.packed.layout == one.packed.layout
    np.testing.assert_array_equal(two.packed.figures, one.packed.figures)
    np.testing.assert_array_equal(exported.data().counts, workspace.data().counts)


def test_export_keeps_settings():
    workspace = Workspace.read(stat_workspace())
    exported = Workspace.from_predictor(workspace.predictor("first"), workspace.data("first"), poi="mu")
    assert exported.poi() == "mu"
    one, two = workspace.likelihood("first"), exported.likelihood()
    assert one.predictor.auxiliary == two.predictor.auxiliary
    assert one.space["eff"].fixed
    assert two.space["eff"].fixed


def test_closed_form_statistics_are_written_as_staterror():
    samples = [
        TemplateSample("s", [2.0, 3.0], [0.2, 0.1], [NormFactor("mu")]),
        TemplateSample("b", [9.0, 4.0], [0.5, 0.0], [NormSys("eff", 1.1, 0.9)]),
    ]
    model = TemplatePredictor.from_channels([Channel("SR", samples)])
    likelihood = PoissonCounts(model, template_statistics="conway")
    workspace = Workspace.from_likelihood(likelihood, [12.0, 6.0], poi="mu")
    assert workspace.document["channels"][0]["samples"][1]["modifiers"][1]["name"] == "staterror_SR"
    values = {"mu": 1.5, "eff": 0.2}
    again = workspace.likelihood(statistics="profiled")
    data = workspace.data(statistics="profiled")
    # square roots and squares of variances
    np.testing.assert_allclose(
        again.log_prob(values, data), likelihood.log_prob(values, likelihood.prepare([12.0, 6.0])), rtol=1e-13
    )


def test_linear_templates_are_written_as_norm_factors():
    norm = {name: Parameter(name, 1.0, lower=0.0, upper=10.0) for name in ("s", "b")}
    templates = {"s": np.array([1.0, 5.0]), "b": np.array([9.0, 9.0])}
    variances = {"b": np.array([0.4, 0.2])}
    model = LinearTemplates.of(templates, variances=variances, parameters=norm)
    workspace = Workspace.from_predictor(model, [11.0, 13.0], poi="s")
    assert set(workspace.predictor(statistics="profiled").space.names) == {"s", "b"}
    values = {"s": 1.2, "b": 0.9}
    np.testing.assert_allclose(workspace.predictor(statistics="profiled")(values), model(values), rtol=1e-14)
    with pytest.raises(InvalidModel, match=r"'s': bounds \[0, inf\] cannot be written"):
        Workspace.from_predictor(LinearTemplates.of(templates), [11.0, 13.0])


def one(*modifiers, **more):
    sample = TemplateSample("b", [5.0, 6.0], modifiers=modifiers)
    return TemplatePredictor.from_channels([Channel("SR", [sample])], **more)


UNWRITABLE = {
    "code": (one(NormSys("x", 1.1, 0.9), codes={"normsys": "1"}), "normsys code 1 cannot be written"),
    "constraint": (
        one(NormFactor("mu"), auxiliary={"mu": Auxiliary("mu", "gaussian", 0.1, 1.0)}),
        "constraint on the normfactor 'mu'",
    ),
    "kind": (
        one(NormSys("x", 1.1, 0.9), auxiliary={"x": Auxiliary("x", "poisson", 9.0, 9.0)}),
        "poisson constraint on 'x'",
    ),
    "poisson": (one(StatError("st", [1.0, 1.0], "poisson")), "'st' with a Poisson constraint"),
    "bounds": (one(NormFactor("mu"), parameters={"mu": Parameter("mu", 1.0)}), "bounds"),
    "some fixed": (
        one(
            StatError("st", [1.0, 1.0]), parameters={"st[0]": Parameter("st[0]", 1.0, lower=0.0, upper=5.0, fixed=True)}
        ),
        "some bins of 'st' are fixed",
    ),
}


@pytest.mark.parametrize("case", UNWRITABLE)
def test_what_cannot_be_written_is_named(case):
    predictor, message = UNWRITABLE[case]
    with pytest.raises(InvalidModel, match=message):
        Workspace.from_predictor(predictor, [5.0, 6.0])


def test_other_likelihoods_cannot_be_written():
    predictor = TemplatePredictor.from_channels(
        [Channel("SR", [TemplateSample("b", [5.0, 6.0], [0.1, 0.1], [NormFactor("mu")])])]
    )
    with pytest.raises(InvalidModel, match="ChiSquareCounts"):
        Workspace.from_likelihood(ChiSquareCounts(predictor, cost="cnp"), [5.0, 6.0])
    scaled = PoissonCounts(predictor, template_statistics="conway", template_errors="scaled")
    with pytest.raises(InvalidModel, match="'conway' with scaled errors"):
        Workspace.from_likelihood(scaled, [5.0, 6.0])


def test_two_staterrors_in_a_channel_are_not_profiled(readme):
    for sample, name in zip(readme["channels"][0]["samples"], ("one", "two"), strict=True):
        sample["modifiers"].append({"name": name, "type": "staterror", "data": [1.0, 1.0]})
    with pytest.raises(InvalidModel, match="staterrors 'one', 'two'"):
        Workspace.read(readme).likelihood(statistics="profiled")
