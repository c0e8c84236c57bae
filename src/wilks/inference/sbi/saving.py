"""Networks and posteriors as folders: JSON of registered components, arrays in npz, digests; never pickle."""

import dataclasses
import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from wilks._base.errors import InvalidFile, InvalidOption
from wilks.parameters.choices import Choice
from wilks.parameters.gamma_priors import Beta, Gamma
from wilks.parameters.joint_priors import MultivariateNormal
from wilks.parameters.normal_priors import HalfNormal, LogNormal, Normal, TruncatedNormal
from wilks.parameters.parameter import Parameter
from wilks.parameters.priors import Exponential, LogUniform, Uniform
from wilks.parameters.space import ParameterSpace
from wilks.parameters.tabulated_priors import Tabulated
from wilks.results.provenance import Provenance

from .convolutions import Convolved
from .coordinates import Affine, Box, PriorNormal
from .drawing import Observed
from .embeddings import Flat, FusedBlocks, MlpEncoder, Pooled
from .estimator import Estimator, Preparation, Standardiser
from .flows import Flow, LayerMasks, LayerWeights, SplineFlow
from .leaves import read_arrays, write_arrays
from .mixed_likelihood import MixedLikelihood, MixedNetwork
from .mixture_density import ConditionalMixture, MixtureDensity
from .networks import Perceptron, Residual, Trunk
from .neural_likelihood import DataScaling, LikelihoodNetwork, NeuralLikelihood
from .odds import NeuralOdds, OddsNetwork
from .paths import FlowMatching, VelocityField
from .posterior import Memory, NeuralPosterior
from .ratio_networks import RatioNetwork
from .ratios import BlockRatio, NeuralRatio
from .restricted import Attempts, Restricted
from .scaling import BlockScaling
from .score_paths import ScoreField, ScoreMatching
from .shape_likelihoods import ShapeLikelihoods
from .sufficient import SufficientStatistic
from .synthetic import NeuralPredictor
from .training_record import TrainingRecord
from .truncation import Level, Truncated

SCHEMA = "wilks.network/1"

_NETWORK, _WEIGHTS, _MANIFEST = "network.json", "weights.npz", "manifest.json"

COMPONENTS: dict[str, type] = {
    kind.__name__: kind
    for kind in (
        *(Affine, Box, PriorNormal),
        *(Beta, Exponential, Gamma, HalfNormal, LogNormal, LogUniform, Normal, Tabulated, TruncatedNormal, Uniform),
        *(BlockScaling, Convolved, Estimator, Flat, FusedBlocks, MlpEncoder, Perceptron, Pooled, Preparation),
        *(Choice, MultivariateNormal, NeuralOdds, OddsNetwork, Residual, Trunk),
        *(FlowMatching, ScoreField, ScoreMatching, ShapeLikelihoods, Standardiser, SufficientStatistic, VelocityField),
        *(ConditionalMixture, Flow, LayerMasks, LayerWeights, MixtureDensity, SplineFlow),
        *(BlockRatio, DataScaling, LikelihoodNetwork, NeuralLikelihood, NeuralPredictor, NeuralRatio, RatioNetwork),
        *(Attempts, Level, NeuralPosterior, Observed, Parameter, ParameterSpace, Provenance, Restricted),
        *(MixedLikelihood, MixedNetwork, TrainingRecord, Truncated),
    )
}
"""Everything that a file may name; nothing else is ever built from one."""


Trainable: TypeAlias = (
    NeuralPosterior | NeuralLikelihood | MixedLikelihood | NeuralRatio | BlockRatio | NeuralOdds | NeuralPredictor
)
"""What training gives, and what a folder holds."""


def save_network(trained: Trainable, folder: str | Path) -> Path:
    """Write a posterior, likelihood, ratio or predictor: ``network.json``, ``weights.npz`` and ``manifest.json``.

    Args:
        trained: what a training gave.
        folder: made where it is absent; what it held under these names is replaced.

    Raises:
        InvalidOption: if it holds a component of one's own, which a file cannot name.
    """
    folder = Path(folder)
    arrays: dict[str, np.ndarray] = {}
    document = {"schema": SCHEMA, "tree": _encode(trained, "", arrays)}
    content = json.dumps(document, allow_nan=False, sort_keys=True).encode()
    write_arrays(folder / _WEIGHTS, arrays, {"schema": SCHEMA})
    (folder / _NETWORK).write_bytes(content)
    digests = {name: _sha256(folder / name) for name in (_NETWORK, _WEIGHTS)}
    (folder / _MANIFEST).write_text(json.dumps({"schema": SCHEMA, "sha256": digests}), encoding="utf-8")
    return folder


def load_network(folder: str | Path) -> Trainable:
    """Read back what `save_network` wrote, bit for bit; only registered components are built.

    Raises:
        InvalidFile: for a truncated or altered file, another schema, an unknown component, or a leaf that does not fit.
    """
    folder = Path(folder)
    manifest = _json(folder / _MANIFEST)
    if manifest.get("schema") != SCHEMA:
        raise InvalidFile(f"{folder / _MANIFEST}: schema {manifest.get('schema')!r}; expected {SCHEMA!r}")
    for name in (_NETWORK, _WEIGHTS):
        path = folder / name
        if not path.is_file() or _sha256(path) != manifest.get("sha256", {}).get(name):
            raise InvalidFile(f"{path}: truncated, altered or absent: its SHA-256 is not that of the manifest")
    document = _json(folder / _NETWORK)
    arrays, _ = read_arrays(folder / _WEIGHTS)
    found = _decode(document.get("tree"), arrays, str(folder / _NETWORK))
    if not isinstance(found, Trainable):
        raise InvalidFile(f"{folder / _NETWORK}: holds a {type(found).__name__}, which no training gives")
    return found


def save_posterior(posterior: NeuralPosterior, folder: str | Path) -> Path:
    """Write a posterior to a folder, as `save_network` does.

    Raises:
        InvalidOption: as there.
    """
    return save_network(posterior, folder)


def load_posterior(folder: str | Path) -> NeuralPosterior:
    """Read a posterior back, exactly as it was saved.

    Raises:
        InvalidFile: as for `load_network`, and for a folder that holds something else.
    """
    found = load_network(folder)
    if not isinstance(found, NeuralPosterior):
        raise InvalidFile(f"{Path(folder) / _NETWORK}: holds a {type(found).__name__}; expected a NeuralPosterior")
    return found


def _encode(item: Any, path: str, arrays: dict[str, np.ndarray]) -> Any:
    if item is None or isinstance(item, (bool, int, str)):
        return item
    if isinstance(item, float):
        return item if math.isfinite(item) else {"number": repr(item)}
    if isinstance(item, (np.ndarray, np.generic, jax.Array)):
        array = np.asarray(item)
        arrays[path] = array
        return {
            "array": path,
            "shape": list(array.shape),
            "dtype": str(array.dtype),
            "jax": isinstance(item, jax.Array),
        }
    if isinstance(item, Mapping):
        return {"map": [[str(k), _encode(v, f"{path}.{k}", arrays)] for k, v in item.items()]}
    name = type(item).__name__
    if COMPONENTS.get(name) is type(item):
        return {"is": name, "fields": {f: _encode(v, f"{path}.{f}", arrays) for f, v in _fields(item).items()}}
    if isinstance(item, (tuple, list)):
        return {"tuple": [_encode(v, f"{path}.{i}", arrays) for i, v in enumerate(item)]}
    raise InvalidOption(f"a {name} cannot be stored: files name only registered components, and it is none of them")


def _fields(item: Any) -> dict[str, Any]:
    names = item._fields if isinstance(item, tuple) else [f.name for f in dataclasses.fields(item)]
    return {name: getattr(item, name) for name in names if not isinstance(getattr(item, name), Memory)}


def _decode(item: Any, arrays: Mapping[str, np.ndarray], where: str) -> Any:
    if not isinstance(item, dict):
        return item
    if "number" in item:
        return float(item["number"])
    if "array" in item:
        return _array(item, arrays, where)
    if "map" in item:
        return {k: _decode(v, arrays, where) for k, v in item["map"]}
    if "tuple" in item:
        return tuple(_decode(v, arrays, where) for v in item["tuple"])
    name = item.get("is")
    if name not in COMPONENTS:
        raise InvalidFile(f"{where}: unknown component {name!r}; it is not among those that a file may name")
    fields = {f: _decode(v, arrays, where) for f, v in item["fields"].items()}
    try:
        return COMPONENTS[name](**fields)
    except TypeError as error:
        raise InvalidFile(f"{where}: {name} does not have these settings ({error})") from None


def _array(item: dict[str, Any], arrays: Mapping[str, np.ndarray], where: str) -> Any:
    path = item["array"]
    if path not in arrays:
        raise InvalidFile(f"{where}: leaf {path!r} has no array")
    array = arrays[path]
    if list(array.shape) != item["shape"] or str(array.dtype) != item["dtype"]:
        raise InvalidFile(
            f"{where}: leaf {path!r} has shape {array.shape} and type {array.dtype}; expected {item['shape']} and "
            f"{item['dtype']}"
        )
    return jnp.asarray(array) if item["jax"] else array


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidFile(f"{path}: absent or no JSON: {error}") from None
    if not isinstance(found, dict):
        raise InvalidFile(f"{path}: expected a JSON object")
    return found


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
