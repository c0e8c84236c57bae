"""Posteriors with fresh weights: what does not depend on training needs none."""

import jax
import numpy as np

from wilks.inference.sbi.coordinates import COORDINATES
from wilks.inference.sbi.embeddings import AbstractEncoderFamily, Identity
from wilks.inference.sbi.estimator import Estimator, Preparation
from wilks.inference.sbi.flows import SplineFlow
from wilks.inference.sbi.posterior import NeuralPosterior
from wilks.inference.sbi.scaling import fit_scaling
from wilks.inference.sbi.training_record import TrainingRecord
from wilks.parameters.parameter import Parameter
from wilks.parameters.priors import Uniform
from wilks.parameters.space import ParameterSpace
from wilks.results.provenance import Provenance


def box(size: int) -> ParameterSpace:
    """Parameters theta1, theta2, ... between 0 and 1."""
    return ParameterSpace(
        tuple(Parameter(f"theta{i + 1}", 0.5, 0.0, 1.0, prior=Uniform(0.0, 1.0)) for i in range(size))
    )


def fresh_posterior(
    space: ParameterSpace,
    layout: dict[str, tuple[int, ...]],
    *,
    path=None,
    encoder: AbstractEncoderFamily | None = None,
    coordinate: str = "box",
    only_for: str = "",
) -> NeuralPosterior:
    """A posterior of standard normal training data by blocks whose networks have never been trained."""
    generator = np.random.default_rng(1)
    data = {name: generator.normal(size=(200, *shape)) for name, shape in layout.items()}
    encoding = (encoder or Identity()).build(jax.random.key(1), layout, len(space))
    family = path or SplineFlow(layers=2, bins=4, width=8)
    network = family.build(jax.random.key(2), len(space), encoding.features, 1000)
    return NeuralPosterior(
        space, COORDINATES[coordinate](space), Estimator(encoding, network), None,
        Preparation(None, fit_scaling(data)), layout, TrainingRecord.empty(200, 10, 10), (), None, only_for, {}, {},
        Provenance.collect(seed=1),
    )  # fmt: skip
