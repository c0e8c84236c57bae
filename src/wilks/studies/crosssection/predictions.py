"""From response matrices to likelihoods: weights of models in events, and weights of cross sections with a flux."""

from collections.abc import Mapping

import numpy as np

from wilks.data.binning import AbstractBinning
from wilks.data.product import Product
from wilks.likelihood.ensemble_counts import EnsembleCounts
from wilks.model.ensemble_algebra import compose, concatenate, passthrough, templates
from wilks.model.ensembles import LinearEnsemble
from wilks.physics.response.cross_sections import cross_section_table
from wilks.physics.response.exposures import Exposure

from . import cross_sections
from .experiment import BEAM_WEIGHT, Tables
from .matrices import Matrices, template


def of_models(response: LinearEnsemble, truth: AbstractBinning, tables: Tables) -> EnsembleCounts:
    """Counts of models A and B; their weights are numbers of true events."""
    return EnsembleCounts(compose(response, templates({m: template(truth, tables.truth[m]) for m in "AB"})))


def with_background(matrices: Matrices, tables: Tables) -> EnsembleCounts:
    """Counts of noise, background and both models; their weights are numbers of events."""
    truth = matrices.complete_bins
    shapes = {
        "noise": truth.block(0, 1.0),
        "bg": truth.block(1, template(truth.child(1), tables.truth["background"])),
        **{model: truth.block(2, template(truth.child(2), tables.truth[model])) for model in "AB"},
    }
    return EnsembleCounts(compose(matrices.complete, templates(shapes)))


def exposure_of(tables: Tables) -> Exposure:
    """Exposure in years per bin of the beam energy, in every throw of the flux."""
    return Exposure.throws(tables.bins.flux, {"E": tables.energies}, weight=BEAM_WEIGHT, unit="years")


def cross_section_bins(truth: AbstractBinning, tables: Tables) -> tuple[Product, Product]:
    """Bins of cross sections, truth times beam energy, of background and signal."""
    background, signal = (Product((truth.child(i), tables.bins.flux)) for i in (1, 2))
    return background, signal


def cross_section_tables(truth: AbstractBinning, tables: Tables) -> Mapping[str, np.ndarray]:
    """Cross sections of each process in its bins."""
    background, signal = cross_section_bins(truth, tables)
    return {
        "bg": cross_section_table(cross_sections.background, background),
        "A": cross_section_table(cross_sections.model_a, signal),
        "B": cross_section_table(cross_sections.model_b, signal),
    }


def with_flux(matrices: Matrices, tables: Tables) -> EnsembleCounts:
    """Counts from cross sections; a weight of 1 is a model's own cross section, and that of the noise is its events."""
    truth = matrices.complete_bins
    background, signal = cross_section_bins(truth, tables)
    exposure = exposure_of(tables)
    parts = [passthrough("noise", lower=0.0), exposure.predictor(background), exposure.predictor(signal)]
    events = concatenate(parts, systematics="paired")
    space = truth.coarse().refined({1: background, 2: signal})
    known = cross_section_tables(truth, tables)
    blocks = {"noise": space.block(0, 1.0), "bg": space.block(1, known["bg"])}
    blocks |= {model: space.block(2, known[model]) for model in "AB"}
    return EnsembleCounts(compose(compose(matrices.complete, events, systematics="paired"), templates(blocks)))
