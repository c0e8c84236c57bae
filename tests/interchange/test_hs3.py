"""HS3 documents: the same models written as a pyhf workspace, refusals by place, what ROOT means by each modifier."""

import copy
import math

import numpy as np
import pytest
import scipy.stats

from tests.inference.models import OBSERVED, closed_and_open, peak
from wilks._base.errors import InvalidFile, InvalidModel, UnknownName
from wilks.inference.fitting import fit
from wilks.interchange.histfactory import Workspace
from wilks.interchange.hs3 import Hs3Workspace, open_workspace
from wilks.likelihood.counts import ChiSquareCounts, PoissonCounts
from wilks.model.modifiers import Channel, NormFactor, ShapeSys, StatError, TemplateSample
from wilks.model.predictor import Auxiliary
from wilks.model.template_model import TemplatePredictor
from wilks.parameters.parameter import Parameter

AXES = [{"name": "obs_SR", "min": 0.0, "max": 2.0, "nbins": 2}]

PYHF = {
    "channels": [
        {
            "name": "SR",
            "samples": [
                {
                    "name": "signal",
                    "data": [12.0, 11.0],
                    "modifiers": [
                        {"name": "mu", "type": "normfactor", "data": None},
                        {"name": "lumi", "type": "lumi", "data": None},
                        {"name": "mcstat", "type": "staterror", "data": [0.5, 0.8]},
                    ],
                },
                {
                    "name": "background",
                    "data": [50.0, 52.0],
                    "modifiers": [
                        {"name": "alpha_norm", "type": "normsys", "data": {"hi": 1.1, "lo": 0.92}},
                        {
                            "name": "alpha_shape",
                            "type": "histosys",
                            "data": {"hi_data": [53.0, 50.0], "lo_data": [48.0, 55.0]},
                        },
                        {"name": "uncorr", "type": "shapesys", "data": [3.0, 7.0]},
                        {"name": "mcstat", "type": "staterror", "data": [1.5, 2.5]},
                    ],
                },
            ],
        },
        {
            "name": "CR",
            "samples": [
                {
                    "name": "background",
                    "data": [90.0],
                    "modifiers": [
                        {"name": "alpha_norm", "type": "normsys", "data": {"hi": 1.05, "lo": 0.95}},
                        {"name": "free", "type": "shapefactor", "data": None},
                    ],
                }
            ],
        },
    ],
    "observations": [{"name": "SR", "data": [61.0, 58.0]}, {"name": "CR", "data": [95.0]}],
    "measurements": [
        {
            "name": "meas",
            "config": {
                "poi": "mu",
                "parameters": [
                    {"name": "lumi", "inits": [1.0], "bounds": [[0.5, 1.5]], "auxdata": [1.01], "sigmas": [0.02]},
                    {"name": "mu", "inits": [0.5], "bounds": [[-3.0, 5.0]]},
                    {"name": "alpha_shape", "auxdata": [0.3]},
                ],
            },
        }
    ],
    "version": "1.0.0",
}
"""All kinds of modifiers of a workspace."""

HS3 = {
    "metadata": {"hs3_version": "0.2", "packages": [{"name": "by hand", "version": "1"}]},
    "distributions": [
        {
            "name": "SR",
            "type": "histfactory_dist",
            "axes": AXES,
            "samples": [
                {
                    "name": "signal",
                    "data": {"contents": [12.0, 11.0], "errors": [0.5, 0.8]},
                    "modifiers": [
                        {"name": "mu", "type": "normfactor", "parameter": "mu"},
                        {"name": "lumi", "type": "normfactor", "parameter": "lumi", "constraint_name": "lumi_term"},
                        {
                            "name": "stat",
                            "type": "staterror",
                            "parameters": ["mcstat_bin_0", "mcstat_bin_1"],
                            "constraint": "Gauss",
                        },
                    ],
                },
                {
                    "name": "background",
                    "data": {"contents": [50.0, 52.0], "errors": [1.5, 2.5]},
                    "modifiers": [
                        {"name": "norm", "type": "normsys", "data": {"hi": 1.1, "lo": 0.92}},
                        {
                            "name": "shape",
                            "type": "histosys",
                            "parameter": "alpha_shape",
                            "constraint": "Gauss",
                            "interpolation": 4,
                            "data": {"hi": {"contents": [53.0, 50.0]}, "lo": {"contents": [48.0, 55.0]}},
                        },
                        {
                            "name": "uncorr",
                            "type": "shapesys",
                            "constraint_type": "Poisson",
                            "data": {"vals": [3.0 / 50.0, 7.0 / 52.0]},
                        },
                        {
                            "name": "stat",
                            "type": "staterror",
                            "parameters": ["mcstat_bin_0", "mcstat_bin_1"],
                            "constraint": "Gauss",
                        },
                    ],
                },
            ],
        },
        {
            "name": "CR",
            "type": "histfactory_dist",
            "axes": [{"name": "obs_CR", "edges": [0.0, 1.5]}],
            "samples": [
                {
                    "name": "background",
                    "data": {"contents": [90.0]},
                    "modifiers": [
                        {"type": "normsys", "parameter": "alpha_norm", "data": {"hi": 1.05, "lo": 0.95}},
                        {"type": "shapefactor", "name": "free", "parameters": ["free[0]"]},
                    ],
                }
            ],
        },
        {"name": "lumi_term", "type": "gaussian_dist", "x": "lumi", "mean": "lumi_measured", "sigma": 0.02},
        {"name": "shape_term", "type": "gaussian_dist", "x": "nom_alpha_shape", "mean": "alpha_shape", "sigma": 1.0},
        {"name": "terms", "type": "product_dist", "factors": ["lumi_term", "shape_term"]},
    ],
    "data": [
        {"name": "observed_SR", "type": "binned", "axes": AXES, "contents": [61.0, 58.0]},
        {"name": "observed_CR", "type": "binned", "contents": [95.0]},
    ],
    "likelihoods": [
        {
            "name": "main",
            "distributions": ["SR", "CR"],
            "data": ["observed_SR", "observed_CR"],
            "aux_distributions": ["terms"],
        }
    ],
    "domains": [
        {
            "name": "default_domain",
            "type": "product_domain",
            "axes": [{"name": "mu", "min": -3.0, "max": 5.0}, {"name": "lumi", "min": 0.5, "max": 1.5}],
        }
    ],
    "parameter_points": [
        {
            "name": "default_values",
            "parameters": [
                {"name": "mu", "value": 0.5},
                {"name": "lumi", "value": 1.0},
                {"name": "lumi_measured", "value": 1.01, "const": True},
                {"name": "nom_alpha_shape", "value": 0.3, "const": True},
            ],
        }
    ],
    "analyses": [
        {
            "name": "meas",
            "likelihood": "main",
            "parameters_of_interest": ["mu"],
            "domains": ["default_domain"],
            "init": "default_values",
        }
    ],
    "misc": {"anything": True},
}
"""The same, written by hand."""


def written(*changes, base=HS3):
    """The document with values put in at paths, or taken out where the value is ``...``."""
    document = copy.deepcopy(base)
    for path, value in changes:
        holder = document
        for step in path[:-1]:
            holder = holder[step]
        if value is ...:
            del holder[path[-1]]
        elif isinstance(holder, list) and path[-1] == len(holder):
            holder.append(value)
        else:
            holder[path[-1]] = value
    return document


def point(space, seed):
    """Values inside the bounds, near the start."""
    width = 0.05 * np.minimum(space.uppers - space.lowers, 2.0)
    moved = space.starts + width * np.random.default_rng(seed).standard_normal(len(space))
    return dict(zip(space.names, np.clip(moved, space.lowers, space.uppers), strict=True))


def test_the_same_model_has_the_same_likelihood_as_a_workspace():
    one, two = Workspace.read(PYHF), Hs3Workspace.read(HS3)
    first, second = one.likelihood(), two.likelihood()
    assert first.space.names == second.space.names
    for field in ("starts", "lowers", "uppers", "free_mask"):
        np.testing.assert_array_equal(getattr(first.space, field), getattr(second.space, field))
    assert (one.measurements, one.channels, one.poi()) == (two.measurements, two.channels, two.poi())
    for seed in range(4):
        values = point(first.space, seed)
        # the same terms in the same order; tau of the shapesys is rounded differently
        assert float(second.log_prob(values, two.data())) == pytest.approx(
            float(first.log_prob(values, one.data())), abs=1e-10
        )


def test_fits_agree():
    one, two = Workspace.read(PYHF), Hs3Workspace.read(HS3)
    first, second = (fit(w.likelihood(), w.data()) for w in (one, two))
    assert second.twice_nll == pytest.approx(first.twice_nll, abs=1e-9)
    np.testing.assert_allclose(second.theta, first.theta, atol=1e-6)  # EDM of 1e-10


def test_a_staterror_is_poisson_unless_it_says_gauss():
    sample = ("distributions", 0, "samples")
    plain = written(*(((*sample, s, "modifiers", m, "constraint"), ...) for s, m in ((0, 2), (1, 3))))
    workspace = Hs3Workspace.read(plain)
    assert sum("Poisson is taken, as ROOT does" in notice for notice in workspace.notices) == 2
    likelihood = workspace.likelihood()
    gaussian = Hs3Workspace.read(HS3)
    values = dict(zip(likelihood.space.names, likelihood.space.starts, strict=True)) | {"mcstat[0]": 1.04}
    variance, content = np.array([0.5**2 + 1.5**2, 0.8**2 + 2.5**2]), np.array([62.0, 63.0])
    tau, delta = content**2 / variance, np.sqrt(variance) / content
    gamma = np.array([1.04, 1.0])

    def poisson(n, mean):  # of a real n
        return n * np.log(mean) - mean - np.array([math.lgamma(k + 1) for k in n])

    expected = (poisson(tau, tau * gamma) - scipy.stats.norm.logpdf(1.0, gamma, delta)).sum()
    found = likelihood.log_prob(values, workspace.data()) - gaussian.likelihood().log_prob(values, gaussian.data())
    assert float(found) == pytest.approx(expected, abs=1e-9)  # differences of terms of about ten


COUNTING = {
    "metadata": {"hs3_version": "0.2"},
    "distributions": [
        {"name": "on", "type": "poisson_dist", "x": "n_on", "mean": "expected_on"},
        {"name": "off", "type": "poisson_dist", "x": "n_off", "mean": "expected_off"},
        {"name": "measured_s", "type": "gaussian_dist", "x": "s_aux", "mean": "s", "sigma": 2.0},
    ],
    "functions": [
        {"name": "expected_on", "type": "product", "factors": ["s", "efficiency", 2.0]},
        {"name": "expected_off", "type": "product", "factors": ["b", 3.0]},
    ],
    "data": [{"name": "on_data", "type": "unbinned", "entries": [[12.0]], "axes": [{"name": "n_on"}]}],
    "likelihoods": [{"name": "counting", "distributions": ["on", "off", "measured_s"], "data": ["on_data", 7, 4.5]}],
    "parameter_points": [{"name": "p", "parameters": [{"name": "efficiency", "value": 0.5, "const": True}]}],
}


def test_counts_and_gaussian_measurements_by_themselves():
    workspace = Hs3Workspace.read(COUNTING)
    found = workspace.likelihood().log_prob({"s": 5.0, "b": 2.0}, workspace.data())
    expected = (
        scipy.stats.poisson.logpmf(12, 5.0 * 0.5 * 2.0)
        + scipy.stats.poisson.logpmf(7, 2.0 * 3.0)
        + scipy.stats.norm.logpdf(4.5, 5.0, 2.0)
    )
    assert float(found) == pytest.approx(expected, abs=1e-10)
    assert workspace.measurements == ("counting",)
    assert workspace.poi() is None


def test_a_poisson_count_can_constrain():
    base = written(
        (("distributions", 3), {"name": "side", "type": "poisson_dist", "x": "n_side", "mean": "expected_off"}),
        (("likelihoods", 0, "distributions"), ["on"]),
        (("likelihoods", 0, "data"), ["on_data"]),
        (("likelihoods", 0, "aux_distributions"), ["side"]),
        (("functions", 0, "factors"), ["s", "b"]),
        (("parameter_points", 0, "parameters", 1), {"name": "n_side", "value": 7.0, "const": True}),
        base=COUNTING,
    )
    workspace = Hs3Workspace.read(base)
    found = workspace.likelihood().log_prob({"s": 5.0, "b": 2.0}, workspace.data())
    expected = scipy.stats.poisson.logpmf(12, 10.0) + scipy.stats.poisson.logpmf(7, 6.0)
    assert float(found) == pytest.approx(expected, abs=1e-10)


def test_products_with_data_hold_their_constraints_once():
    product = {"name": "model_SR", "type": "product_dist", "factors": ["SR", "shape_term"]}
    document = written((("distributions", 5), product), (("likelihoods", 0, "distributions"), ["model_SR", "CR"]))
    one, two = Hs3Workspace.read(HS3), Hs3Workspace.read(document)
    values = point(one.likelihood().space, 5)
    assert float(two.likelihood().log_prob(values, two.data())) == float(one.likelihood().log_prob(values, one.data()))


def test_constants_are_fixed_and_gammas_keep_their_numbers():
    document = written(
        (("parameter_points", 0, "parameters", 1, "const"), True),
        (("parameter_points", 0, "parameters", 4), {"name": "mcstat_bin_1", "value": 1.1}),
    )
    space = Hs3Workspace.read(document).likelihood().space
    assert space["lumi"].fixed
    assert space["mcstat[1]"].start == 1.1


def test_content_tells_the_formats_apart():
    assert isinstance(open_workspace(HS3), Hs3Workspace)
    assert isinstance(open_workspace(PYHF), Workspace)
    patched = open_workspace(HS3, patch=[{"op": "replace", "path": "/data/1/contents/0", "value": 100.0}])
    assert patched.data().counts[-1] == 100.0
    with pytest.raises(UnknownName, match="no measurement 'mass'"):
        open_workspace(HS3).likelihood("mass")


SR, BACKGROUND = ("distributions", 0), ("distributions", 0, "samples", 1)

FAULTS = {
    "type of a distribution": (
        (("distributions", 2, "type"), "crystalball_dist"),
        r"\$\.distributions\[2\]\.type: distribution 'lumi_term' has the type 'crystalball_dist', which is not read",
    ),
    "no type": ((("distributions", 2, "type"), ...), r"\$\.distributions\[2\]: key 'type' is missing"),
    "type of a function": (
        (("functions",), [{"name": "f", "type": "generic_function", "expression": "x"}]),
        r"\$\.functions\[0\]\.type: function 'f' has the type 'generic_function'",
    ),
    "version": ((("metadata", "hs3_version"), ...), r"\$\.metadata: should be an object with the key 'hs3_version'"),
    "unknown key": ((("likelihood",), []), r"\$\.likelihood: unknown key 'likelihood'; did you mean 'likelihoods'"),
    "key of a distribution": (((*SR, "binning"), 2), r"\$\.distributions\[0\]\.binning: unknown key"),
    "name of a distribution": (
        (("likelihoods", 0, "distributions", 0), "SRR"),
        r"\$\.likelihoods\[0\]\.distributions\[0\]: no distribution 'SRR'; did you mean 'SR'",
    ),
    "name of data": ((("likelihoods", 0, "data", 1), "obs"), r"\$\.likelihoods\[0\]\.data\[1\]: no data 'obs'"),
    "null for data": ((("likelihoods", 0, "data", 1), None), r"data\[1\]: null should be the name"),
    "missing data": ((("likelihoods", 0, "data"), ["observed_SR"]), "has 1 entries for 2 distributions"),
    "likelihood": ((("analyses", 0, "likelihood"), "other"), r"\$\.analyses\[0\]\.likelihood: no likelihood 'other'"),
    "parameter of interest": (
        (("analyses", 0, "parameters_of_interest"), ["nu"]),
        r"\$\.analyses\[0\]\.parameters_of_interest\[0\]: 'nu' is no parameter of a channel; did you mean 'mu'",
    ),
    "modifier": (
        ((*BACKGROUND, "modifiers", 0, "type"), "custom"),
        r"\$\.distributions\[0\]\.samples\[1\]\.modifiers\[0\]\.type: modifier type 'custom' is not read",
    ),
    "interpolation": (
        ((*BACKGROUND, "modifiers", 1, "interpolation"), "log"),
        r"modifiers\[1\]\.interpolation: 'log' is not read",
    ),
    "constraint": (
        ((*BACKGROUND, "modifiers", 1, "constraint"), "LogNormal"),
        r"modifiers\[1\]\.constraint: 'LogNormal' cannot be the constraint of a histosys; expected Gauss",
    ),
    "named constraint": (
        ((*SR, "samples", 0, "modifiers", 1, "constraint_name"), "SR"),
        r"constraint_name: 'SR' is a histfactory_dist, no constraint",
    ),
    "templates": (
        ((*BACKGROUND, "modifiers", 1, "data", "hi", "contents"), [1.0]),
        r"modifiers\[1\]\.data\.hi\.contents: has 1 entries, expected 2",
    ),
    "factor": (
        ((*BACKGROUND, "modifiers", 0, "data", "lo"), -0.1),
        r"modifiers\[0\]\.data\.lo: -0.1 should be a factor above 0",
    ),
    "uncertainty": (
        ((*BACKGROUND, "modifiers", 2, "data", "vals"), [0.1, -0.1]),
        r"modifiers\[2\]\.data\.vals\[1\]: -0.1 should be an uncertainty",
    ),
    "errors": (
        ((*BACKGROUND, "data", "errors"), ...),
        r"\$\.distributions\[0\]\.samples\[1\]\.data: a sample with a staterror needs 'errors'",
    ),
    "parameters": (
        ((*BACKGROUND, "modifiers", 3, "parameters"), ["g", "g"]),
        r"modifiers\[3\]\.parameters: has 1 different names, expected 2",
    ),
    "bins": ((("data", 0, "contents"), [1.0, 2.0, 3.0]), r"\$\.data\[0\]\.contents: has 3 entries, expected 2"),
    "axes": ((("distributions", 1, "axes", 0, "edges"), [1.0, 1.0]), r"axes\[0\]\.edges: edges should increase"),
    "two binnings": ((("data", 0, "axes", 0, "edges"), [0, 1, 2]), "has either 'nbins' or 'edges'"),
    "number of bins": ((("data", 0, "axes", 0, "nbins"), 0), r"axes\[0\]\.nbins: 0 should be a number of bins"),
    "negative count": ((("data", 0, "contents"), [-1.0, 2.0]), r"\$\.data\[0\]\.contents\[0\]: -1 is a negative count"),
    "kind of data": (
        (("data", 1), {"name": "observed_CR", "type": "unbinned", "entries": [[1.0]]}),
        r"\$\.data\[1\]\.type: data of type 'unbinned' cannot be judged by a histfactory_dist",
    ),
    "two constraints": (
        (("distributions", 3, "mean"), "lumi"),
        r"\$\.distributions\[3\]: parameter 'lumi' is constrained here and in \$\.distributions\[2\]; keep one",
    ),
    "constant": (
        (("distributions", 2, "mean"), "nobody"),
        r"\$\.distributions\[2\]\.mean: 'nobody' has no value in the parameter point",
    ),
    "width": ((("distributions", 2, "sigma"), 0.0), r"\$\.distributions\[2\]\.sigma: 0 should be above 0"),
    "no parameter": ((("distributions", 3, "mean"), "x"), "one of them should be a parameter of a channel"),
    "factor of itself": (
        (("distributions", 4, "factors", 0), "terms"),
        r"\$\.distributions\[4\]: 'terms' is a factor of itself",
    ),
    "start": (
        (("parameter_points", 0, "parameters", 0, "value"), 7.0),
        r"\$\.parameter_points\[0\]\.parameters\[0\]: the start 7 of 'mu' lies outside \[-3, 5\]",
    ),
    "const": (
        (("parameter_points", 0, "parameters", 0, "const"), 1),
        r"parameters\[0\]\.const: 1 should be true or false",
    ),
    "set twice": ((("parameter_points", 0, "parameters", 1, "name"), "mu"), "'mu' is already set in"),
    "bounds": ((("domains", 0, "axes", 0, "max"), -4.0), r"axes\[0\]: min -3 exceeds max -4"),
    "domain": ((("analyses", 0, "domains"), ["all"]), r"\$\.analyses\[0\]\.domains: no domain 'all'"),
    "two meanings": (((*BACKGROUND, "modifiers", 0, "parameter"), "mu"), r"\$\.likelihoods\[0\]: 'mu' is used by"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_named_with_their_place(fault):
    change, message = FAULTS[fault]
    with pytest.raises(InvalidFile, match=message):
        Hs3Workspace.read(written(change))


def test_counts_need_a_parameter_and_one_value():
    constant = written((("distributions", 0, "mean"), 3.0), base=COUNTING)
    with pytest.raises(InvalidFile, match=r"distributions\[0\]\.mean: is a constant"):
        Hs3Workspace.read(constant)
    with pytest.raises(InvalidFile, match=r"data\[0\]\.entries: has 2 entries; one observed value"):
        Hs3Workspace.read(written((("data", 0, "entries"), [[1.0], [2.0]]), base=COUNTING))
    circle = written((("functions", 0, "factors", 0), "expected_on"), base=COUNTING)
    with pytest.raises(InvalidFile, match=r"functions\[0\]\.factors\[0\]: 'expected_on' is a factor of itself"):
        Hs3Workspace.read(circle)
    alone = written(
        (("likelihoods", 0, "distributions"), ["measured_s"]), (("likelihoods", 0, "data"), [1.0]), base=COUNTING
    )
    with pytest.raises(InvalidFile, match=r"\$\.likelihoods\[0\]: holds no histfactory_dist and no poisson_dist"):
        Hs3Workspace.read(alone)


def special():
    """What a workspace cannot say: a Poisson staterror, a constrained factor, open bounds, an idle bin."""
    modifiers = [NormFactor("mu"), ShapeSys("shape", [1.0, 0.0, 2.0]), StatError("st", [1.0, 2.0, 1.0], "poisson")]
    sample = TemplateSample("s", [10.0, 20.0, 15.0], modifiers=modifiers)
    predictor = TemplatePredictor.from_channels(
        [Channel("one", [sample])],
        parameters={"mu": Parameter("mu", 1.2), "st[1]": Parameter("st[1]", 1.0, lower=0.1, upper=3.0, fixed=True)},
        auxiliary={
            "mu": Auxiliary("mu", "gaussian", 0.3, 0.9),
            "shape[0]": Auxiliary("shape[0]", "poisson", 80.0, 85.0),
        },
    )
    return PoissonCounts(predictor), np.array([11.0, 18.0, 16.0])


WRITTEN = {
    "all modifiers": lambda: (Workspace.read(PYHF).likelihood(), Workspace.read(PYHF).data()),
    "what workspaces lack": special,
    "linear templates": lambda: (peak(), OBSERVED),
    "gammas": lambda: (closed_and_open()[1], np.full(34, 5.0)),
}


@pytest.mark.parametrize("case", WRITTEN)
def test_what_is_written_means_the_same_when_read(case, tmp_path):
    likelihood, data = WRITTEN[case]()
    path = Hs3Workspace.from_likelihood(likelihood, data, poi=likelihood.space.free[0]).write(tmp_path / "model.json")
    read = Hs3Workspace.read(path)
    again = read.likelihood()
    assert read.poi() == likelihood.space.free[0]
    assert sorted(again.space.names) == sorted(likelihood.space.names)
    for parameter in likelihood.space.parameters:
        found = again.space[parameter.name]
        for field in ("start", "lower", "upper", "is_free"):
            assert getattr(found, field) == getattr(parameter, field)
    for factor in (1.0, 1.02):
        values = dict(zip(likelihood.space.names, factor * likelihood.space.starts, strict=True))
        # terms of up to a hundred; relative uncertainties of a shapesys are rounded
        assert float(again.log_prob(values, read.data())) == pytest.approx(
            float(likelihood.log_prob(values, likelihood.prepare(data))), abs=1e-10
        )
    assert Hs3Workspace.from_likelihood(again, read.data(), poi=read.poi()).likelihood().space == again.space


def test_closed_forms_are_written_as_staterrors():
    closed, opened = closed_and_open()
    counts = np.full(34, 5.0)
    read = Hs3Workspace.from_likelihood(closed, counts)
    names = [f"staterror_main[{i}]" for i in range(34)]
    again = read.likelihood()
    assert set(again.space.names) == {"s_s", "s_b", *names}
    values = {"s_s": 1.1, "s_b": 0.9}
    one = again.log_prob(values | dict.fromkeys(names, 1.05), read.data())
    two = opened.log_prob(values | {f"st[{i}]": 1.05 for i in range(34)}, opened.prepare(counts))
    assert float(one) == pytest.approx(float(two), abs=1e-9)  # a sum of 68 terms


def test_what_cannot_be_written_is_named():
    with pytest.raises(InvalidModel, match="HS3 is written of Poisson likelihoods; ChiSquareCounts"):
        Hs3Workspace.from_likelihood(ChiSquareCounts(peak().predictor, cost="cnp"), OBSERVED)
    modifiers = [NormFactor("mu"), StatError("one", [1.0]), StatError("two", [1.0])]
    channel = Channel("SR", [TemplateSample("s", [5.0], modifiers=modifiers)])
    with pytest.raises(InvalidModel, match="channel 'SR', sample 's': 2 staterrors"):
        Hs3Workspace.from_likelihood(PoissonCounts(TemplatePredictor.from_channels([channel])), [5.0])
    other = TemplatePredictor.from_channels(
        [Channel("SR", [TemplateSample("s", [5.0], modifiers=[NormFactor("mu")])])], codes={"normsys": "1"}
    )
    with pytest.raises(InvalidModel, match="normsys code 1 cannot be written"):
        Hs3Workspace.from_likelihood(PoissonCounts(other), [5.0])
