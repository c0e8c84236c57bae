"""Files of networks: every kind comes back bit for bit, and nothing else is ever built from a file."""

import dataclasses
import hashlib
import json

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.inference.sbi.exact import LinearGaussian
from wilks._base.errors import InvalidFile, InvalidOption
from wilks.inference.sbi.convolutions import Histogram1d, Image2d
from wilks.inference.sbi.coordinates import Affine, Box, PriorNormal
from wilks.inference.sbi.embeddings import BlockEncoder, Identity, Mlp, SetEncoder
from wilks.inference.sbi.estimator import Estimator, Preparation, standardiser
from wilks.inference.sbi.flows import SplineFlow
from wilks.inference.sbi.mixture_density import MixtureDensity
from wilks.inference.sbi.networks import Residual, perceptron
from wilks.inference.sbi.neural_likelihood import DataScaling, LikelihoodNetwork, NeuralLikelihood
from wilks.inference.sbi.paths import FlowMatching
from wilks.inference.sbi.posterior import NeuralPosterior
from wilks.inference.sbi.ratio_networks import build_ratio
from wilks.inference.sbi.ratios import BlockRatio, NeuralRatio
from wilks.inference.sbi.saving import load_network, load_posterior, save_network
from wilks.inference.sbi.scaling import fit_scaling
from wilks.inference.sbi.score_paths import ScoreMatching
from wilks.inference.sbi.sufficient import ScoreCompression
from wilks.inference.sbi.synthetic import NeuralPredictor
from wilks.inference.sbi.training_record import TrainingRecord
from wilks.parameters.normal_priors import Normal
from wilks.parameters.parameter import Parameter
from wilks.parameters.priors import LogUniform, Uniform
from wilks.parameters.space import ParameterSpace
from wilks.parameters.tabulated_priors import Tabulated
from wilks.results.provenance import Provenance

SMALL = Residual(width=8, depth=2)
DENSITIES = {
    "flow matching": FlowMatching(network=SMALL, baseline="gaussian"),
    "score matching": ScoreMatching(network=SMALL, noise="vp"),
    "reinjected": FlowMatching(network=Residual(width=8, depth=2, reinject=True, norm=True, dropout=0.1)),
    "coupling": SplineFlow(layers=2, bins=4, width=8),
    "autoregressive": SplineFlow(layers=2, bins=4, width=8, kind="autoregressive"),
    "affine": SplineFlow(layers=2, width=8, kind="affine"),
    "mixture": MixtureDensity(components=2, width=8),
}
ENCODERS = {
    "identity": Identity(),
    "perceptron": Mlp(hidden=(8,)),
    "blocks": BlockEncoder(hidden=(8,), features=4, drop_blocks=0.2),
    "sets": SetEncoder("events", hidden=(8, 8)),
    "spectrum": Histogram1d("x", channels=(2,), hidden=(8,)),
    "picture": Image2d("events", channels=(2,), hidden=(8,)),
}
COORDINATES = {"box": Box, "normal": PriorNormal, "affine": Affine}
SPACE = ParameterSpace(
    (
        Parameter("a", 1.0, 0.5, 2.0, prior=LogUniform(0.5, 2.0), unit="keV"),
        Parameter("b", prior=Normal(0.0, 1.0)),
        Parameter("c", 0.5, 0.0, 1.0, prior=Tabulated([0.0, 0.4, 1.0], [0.0, -1.0, 0.3])),
    )
)
LAYOUT = {"events": (5, 3), "x": (4,)}
GENERATOR = np.random.default_rng(1)
DATA = {name: GENERATOR.normal(size=(200, *shape)) for name, shape in LAYOUT.items()}
RECORD = TrainingRecord(100, 10, 20, steps=(10, 20), losses=(1.0, float("nan")), held_out=(0.5,), snapshot_steps=(20,))
PREPARED = Preparation(None, fit_scaling(DATA))


def posterior(density: str = "flow matching", encoder: str = "identity", coordinate: str = "box") -> NeuralPosterior:
    """A posterior with fresh weights: what is stored does not depend on training."""
    encoding = ENCODERS[encoder].build(jax.random.key(1), LAYOUT, 3)
    network = DENSITIES[density].build(jax.random.key(2), 3, encoding.features, 1000)
    standard = standardiser(jax.random.key(3), Identity(), LAYOUT, 3) if encoder == "identity" else None
    return NeuralPosterior(
        SPACE, COORDINATES[coordinate](SPACE), Estimator(encoding, network), standard, PREPARED, LAYOUT, RECORD,
        ({"round": 1, "threshold": None, "prior_mass": 1.0},), None, "", {"path": density}, {"flag": "a sentence"},
        Provenance.collect(seed=1),
    )  # fmt: skip


def ratio() -> NeuralRatio:
    network = build_ratio(jax.random.key(1), Mlp(hidden=(8,)), LAYOUT, 3, SMALL, paired=True)
    return NeuralRatio(SPACE, Box(SPACE), network, PREPARED, LAYOUT, RECORD, {}, Provenance.collect(seed=1))


def likelihood() -> NeuralLikelihood:
    density = SplineFlow(layers=2, bins=4, width=8).build(jax.random.key(1), 19, 4, 1000)
    network = LikelihoodNetwork(perceptron(jax.random.key(2), 3, (8,), 4), density)
    validity = perceptron(jax.random.key(3), 3, (8,), 1)
    return NeuralLikelihood(
        SPACE, Box(SPACE), network, DataScaling.of(DATA), validity, RECORD, {}, Provenance.collect(seed=1)
    )


PLAIN = ("space", "layout", "ledger", "only_for", "settings", "flags", "provenance")
"""Fields that hold no arrays."""

OTHERS = {
    "likelihood": likelihood,
    "ratio": ratio,
    "ratios of blocks": lambda: BlockRatio(SPACE, {"x": ratio()}),
    "predictor": lambda: NeuralPredictor(
        SPACE, Box(SPACE), perceptron(jax.random.key(1), 3, (8,), 4), jnp.ones(4), RECORD
    ),
}


def same(one, two) -> bool:
    """Whether two networks hold equal settings and equal bits."""
    leaves = [jax.tree_util.tree_leaves_with_path(eqx.filter(tree, eqx.is_array)) for tree in (one, two)]
    alike = [[(str(path), a.shape, str(a.dtype), a.tobytes()) for path, a in own] for own in leaves]
    plain = [[getattr(tree, name, None) for name in PLAIN] for tree in (one, two)]
    return (
        alike[0] == alike[1]
        and plain[0] == plain[1]
        and repr(getattr(one, "record", "")) == repr(getattr(two, "record", ""))
    )


@pytest.mark.parametrize("density", DENSITIES)
def test_sbi_12_posteriors_of_every_density_come_back_bit_for_bit(density, tmp_path):
    saved = posterior(density)
    back = load_posterior(save_network(saved, tmp_path / "q"))
    assert same(saved, back)
    assert jax.tree.structure(saved.estimator) == jax.tree.structure(back.estimator)


@pytest.mark.parametrize(
    ("encoder", "coordinate"), list(zip(ENCODERS, ("box", "normal", "affine", "box", "box", "box"), strict=True))
)
def test_sbi_12_posteriors_of_every_encoder_and_coordinate_come_back(encoder, coordinate, tmp_path):
    saved = posterior("coupling", encoder, coordinate)
    back = load_posterior(save_network(saved, tmp_path / "q"))
    assert same(saved, back)
    assert jax.tree.structure(saved.estimator) == jax.tree.structure(back.estimator)


@pytest.mark.parametrize("kind", OTHERS)
def test_sbi_12_likelihoods_ratios_and_predictors_come_back(kind, tmp_path):
    saved = OTHERS[kind]()
    assert same(saved, load_network(save_network(saved, tmp_path / "n")))
    with pytest.raises(InvalidFile, match="expected a NeuralPosterior"):
        load_posterior(tmp_path / "n")


def forged(folder, name: str, change) -> None:
    """Change one file, with its digest, so that only what it holds can be refused."""
    document = json.loads((folder / name).read_text())
    change(document)
    (folder / name).write_text(json.dumps(document))
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["sha256"][name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest))


def test_sbi_12_unknown_components_wrong_leaves_and_objects_are_refused(tmp_path):
    folder = save_network(posterior(), tmp_path / "q")
    forged(folder, "network.json", lambda d: d["tree"].update({"is": "os.system"}))
    with pytest.raises(InvalidFile, match=r"network.json: unknown component 'os.system'"):
        load_network(folder)
    folder = save_network(posterior(), tmp_path / "q")
    first = lambda d: d["tree"]["fields"]["estimator"]["fields"]["density"]["fields"]["trunk"]["fields"]["bias"]  # noqa: E731
    forged(folder, "network.json", lambda d: first(d).update({"shape": [9]}))
    with pytest.raises(InvalidFile, match=r"leaf '.*bias' has shape \(8,\)"):
        load_network(folder)
    np.savez(folder / "weights.npz", header=np.array([{"a": 1}], dtype=object))
    forged(folder, "network.json", lambda d: None)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["sha256"]["weights.npz"] = hashlib.sha256((folder / "weights.npz").read_bytes()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(InvalidFile, match=r"weights.npz: truncated, altered"):
        load_network(folder)


def test_truncated_files_and_other_schemas_are_refused(tmp_path):
    folder = save_network(posterior(), tmp_path / "q")
    weights = folder / "weights.npz"
    weights.write_bytes(weights.read_bytes()[:-10])
    with pytest.raises(InvalidFile, match=r"weights.npz: truncated"):
        load_network(folder)
    (folder / "manifest.json").write_text('{"schema": "wilks.network/9"}')
    with pytest.raises(InvalidFile, match=r"wilks.network/9"):
        load_network(folder)


def test_components_of_ones_own_cannot_be_stored(tmp_path):
    model = LinearGaussian(2)
    summary = ScoreCompression(model, {"a": 0.0, "b": 0.0}, np.zeros(2))
    own = dataclasses.replace(posterior(), preparation=Preparation(summary, PREPARED.scalings))
    with pytest.raises(InvalidOption, match="a ScoreCompression cannot be stored"):
        save_network(own, tmp_path / "q")


def test_bounds_of_priors_are_kept(tmp_path):
    space = ParameterSpace((Parameter("a", 0.0, -1.0, 1.0, prior=Uniform(-2.0, 3.0)),))
    saved = dataclasses.replace(posterior(), space=space)
    assert load_posterior(save_network(saved, tmp_path / "q")).space == space
