"""Response matrices of the toy experiment: of two models, merged, and under detector variations."""

from typing import NamedTuple

import jax
import numpy as np

from wilks.data.binning import AbstractBinning, BinContents
from wilks.data.grid import Grid
from wilks.data.intervals import Intervals
from wilks.model.ensembles import LinearEnsemble
from wilks.model.response_model import response
from wilks.physics.response.counts import ResponseCounts
from wilks.physics.response.ensembles import EnsembleBuilder
from wilks.physics.response.merging import merge_sparse_bins
from wilks.physics.response.posterior import MatrixPosterior

from .experiment import DETECTORS, Table, Tables

MINIMUM = 10
"""Fewest simulated events of a truth bin after merging."""

_TYPES = {"noise": -1.0, "background": 0.0, "signal": 1.0}
_NOISE_BIN, _BACKGROUND_BIN, _SIGNAL_BIN = range(3)


class Matrices(NamedTuple):
    """Response matrices of the chain.

    Args:
        coarse: counts of models A and B in coarse truth bins.
        fine: the same in fine ones.
        merged: the same in the bins of ``best``.
        best: counts of both models in merged truth bins.
        one: its mean matrix as a predictor.
        varied: one matrix per detector variation, for the signal.
        complete: one per variation, for noise, background and signal.
        signal_bins: truth bins of ``varied``.
        complete_bins: truth bins of ``complete``.
    """

    coarse: tuple[ResponseCounts, ResponseCounts]
    fine: tuple[ResponseCounts, ResponseCounts]
    merged: tuple[ResponseCounts, ResponseCounts]
    best: ResponseCounts
    one: LinearEnsemble
    varied: LinearEnsemble
    complete: LinearEnsemble
    signal_bins: AbstractBinning
    complete_bins: AbstractBinning


def build_matrices(tables: Tables, seed: int) -> Matrices:
    """All response matrices; those that the tables hold already are taken as they are."""
    bins = tables.bins
    coarse, fine = _models(tables, bins.coarse), _models(tables, bins.fine)
    best = merge_sparse_bins(fine[0] + fine[1], minimum=MINIMUM)
    signal_bins = tables.truth_bins.get("03", best.truth.binning)
    if "03" in tables.stored:
        varied = response(tables.stored["03"])
    else:
        varied = _signal_variations(tables, signal_bins, seed).build()
    if "05" in tables.stored:
        complete_bins, complete = tables.truth_bins["05"], response(tables.stored["05"])
    else:
        complete_bins = _complete_bins(tables, signal_bins)
        complete = _complete_variations(tables, complete_bins, seed).build()
    return Matrices(
        coarse=coarse,
        fine=fine,
        merged=_models(tables, best.truth.binning),
        best=best,
        one=response(MatrixPosterior(best).mean_matrices()),
        varied=varied,
        complete=complete,
        signal_bins=signal_bins,
        complete_bins=complete_bins,
    )


def template(truth: AbstractBinning, table: Table) -> np.ndarray:
    """Distribution of generated events over truth bins, normalised to 1."""
    values = truth.fill(table).values
    return values / values.sum()


def _models(tables: Tables, truth: AbstractBinning) -> tuple[ResponseCounts, ResponseCounts]:
    first, second = (
        ResponseCounts(tables.bins.reco, truth).fill(tables.seen[name]).fill_up_truth(tables.truth[name])
        for name in ("A", "B")
    )
    return first, second


def _signal_variations(tables: Tables, truth: AbstractBinning, seed: int) -> EnsembleBuilder:
    builder = EnsembleBuilder(tables.bins.reco, truth, n_throws=1, key=jax.random.key(seed))
    events, full = _joined(tables.varied["A"], tables.varied["B"]), _all_signal(tables, truth)
    for t in range(DETECTORS):
        counts = ResponseCounts(tables.bins.reco, truth).fill(events, **_detector(t)).fill_up_truth(full)
        builder = builder.add(counts)
    return builder


def _complete_bins(tables: Tables, signal_bins: AbstractBinning) -> AbstractBinning:
    """Truth bins by type of event; the background has the bins of the signal, merged where it is sparse."""
    start = ResponseCounts(tables.bins.reco, signal_bins).fill(tables.varied["background"], **_detector(0))
    background = merge_sparse_bins(start, minimum=MINIMUM).truth.binning
    types = Grid((Intervals("event_type", [-1.5, -0.5, 0.5, 1.5]),))
    return types.refined({_BACKGROUND_BIN: background, _SIGNAL_BIN: signal_bins})


def _complete_variations(tables: Tables, truth: AbstractBinning, seed: int) -> EnsembleBuilder:
    reco = tables.bins.reco
    builder = EnsembleBuilder(reco, truth, n_throws=1, key=jax.random.key(seed + 1))
    signal = _joined(tables.varied["A"], tables.varied["B"])
    full = _of_type(truth, tables.truth["A"], "signal") + _of_type(truth, tables.truth["B"], "signal")
    full = full + _of_type(truth, tables.truth["background"], "background")
    empty = ResponseCounts(reco, truth, nuisance=[_NOISE_BIN])
    noise = empty.fill(tables.noise, constants={"event_type": _TYPES["noise"]})
    for t in range(DETECTORS):
        counts = noise
        for events, kind in ((signal, "signal"), (tables.varied["background"], "background")):
            counts = counts.fill(events, constants={"event_type": _TYPES[kind]}, **_detector(t))
        builder = builder.add(counts.fill_up_truth(full))
    return builder


def _of_type(truth: AbstractBinning, table: Table, kind: str) -> BinContents:
    return truth.fill(table, constants={"event_type": _TYPES[kind]})


def _all_signal(tables: Tables, truth: AbstractBinning) -> BinContents:
    return truth.fill(tables.truth["A"]) + truth.fill(tables.truth["B"])


def _detector(t: int) -> dict:
    """How events of a detector variation are filled."""
    return {"weight": f"weight_{t}", "rename": {f"reco_x_{t}": "reco_x"}}


def _joined(first: Table, second: Table) -> Table:
    return {name: np.concatenate([first[name], second[name]]) for name in first}
