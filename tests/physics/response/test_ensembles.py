"""Ensembles of detector variations: columns, weights, nuisance scales, keys, and the tutorial's hundred detectors."""

import jax
import numpy as np
import pytest

from tests.physics.response.experiment import RECO, TRUTH, events, small
from wilks._base.errors import InvalidData, InvalidOption
from wilks.data.grid import Grid
from wilks.data.intervals import Intervals
from wilks.data.response_matrices import ResponseMatrices
from wilks.data.tables import read_csv
from wilks.interchange.remu import read_binning
from wilks.model.ensemble_algebra import labels_of
from wilks.physics.response.counts import ResponseCounts
from wilks.physics.response.ensembles import EnsembleBuilder
from wilks.physics.response.posterior import MatrixPosterior

KEY = jax.random.key(11)


def test_without_throws_the_raw_matrices_are_taken():
    built = EnsembleBuilder(RECO, TRUTH).add(small()).add(small(), weight=2.0)
    matrices = built.matrices()
    assert matrices.weights.tolist() == [1, 2]
    assert np.array_equal(matrices.matrices, [small().raw(), small().raw()])
    assert np.array_equal(built.mean_matrices().matrices[0], MatrixPosterior(small()).mean())


def test_throws_of_a_member_do_not_depend_on_later_members():
    builder = EnsembleBuilder(RECO, TRUTH, n_throws=3, key=KEY).add(small(), weight=0.5)
    longer = builder.add(small() + small())
    assert len(builder.matrices()) == 3
    assert len(longer.matrices()) == 6
    assert longer.matrices().weights.tolist() == [0.5] * 3 + [1.0] * 3
    assert np.array_equal(longer.matrices().matrices[:3], builder.matrices().matrices)
    assert longer.matrices().truth_entries.tolist() == [24, 16]


def test_columns_without_events_are_left_out():
    counts = ResponseCounts(RECO, TRUTH).fill(events((3, 0.5, 1.5, 1)))
    matrices = EnsembleBuilder(RECO, TRUTH).add(counts).matrices()
    assert matrices.columns.tolist() == [1]
    assert matrices.matrices.shape == (1, 3, 1)


def test_nuisance_columns_are_scaled_to_the_largest_member():
    def noise(n):
        return ResponseCounts(RECO, TRUTH, nuisance=[1]).fill(events((4, 0.5, 0.5, 1), (n, 1.5, 1.5, 1)))

    empty = ResponseCounts(RECO, TRUTH, nuisance=[1]).fill(events((4, 0.5, 0.5, 1)))
    matrices = EnsembleBuilder(RECO, TRUTH).add(noise(10)).add(noise(20)).add(empty).matrices()
    assert matrices.matrices[:, 1, 1].tolist() == [0.5, 1.0, 0.0]
    assert matrices.matrices[:, 0, 0].tolist() == [1.0, 1.0, 1.0]


def test_named_members_are_named_in_files_and_predictors(tmp_path):
    built = EnsembleBuilder(RECO, TRUTH, n_throws=2, key=KEY).add(small(), name="nominal").add(small() + small())
    assert built.matrices().variations == ("nominal [0]", "nominal [1]", "variation 1 [0]", "variation 1 [1]")
    assert labels_of(built.build()).variations == built.matrices().variations
    built.matrices().save(tmp_path / "named.npz")
    assert ResponseMatrices.load(tmp_path / "named.npz").variations == built.matrices().variations
    plain = EnsembleBuilder(RECO, TRUTH).add(small(), name="nominal").add(small(), name="shifted")
    assert plain.matrices().variations == ("nominal", "shifted")
    with pytest.raises(InvalidData, match=r"member 2 \(shifted\) has a name that is taken"):
        plain.add(small(), name="shifted")


def test_members_that_do_not_fit_are_named():
    builder = EnsembleBuilder(RECO, TRUTH).add(small())
    with pytest.raises(InvalidData, match="member 1 has other binnings"):
        builder.add(ResponseCounts(RECO, Grid((Intervals("t", [0, 2]),))))
    with pytest.raises(InvalidData, match=r"member 1 has nuisance bins \[0\], member 0 has \[\]"):
        builder.add(small(nuisance=[0]))
    with pytest.raises(InvalidData, match="member 1 has weight -1"):
        builder.add(small(), weight=-1)
    lacking = builder.add(ResponseCounts(RECO, TRUTH).fill(events((3, 0.5, 1.5, 1))))
    with pytest.raises(InvalidData, match=r"member 1 has no simulated events in truth bins \[0\]"):
        lacking.matrices()
    with pytest.raises(InvalidData, match="no member"):
        EnsembleBuilder(RECO, TRUTH).matrices()
    with pytest.raises(InvalidOption, match="2 throws with key None"):
        EnsembleBuilder(RECO, TRUTH, n_throws=2)


def test_an_ensemble_is_a_predictor():
    predictor = EnsembleBuilder(RECO, TRUTH).add(small()).build(name="true")
    assert predictor.space.names == ("true[0]", "true[1]")
    assert np.allclose(predictor.predict(np.ones((1, 2, 1)))[0, :, 0], small().raw().sum(axis=1), rtol=1e-15)


@pytest.fixture(scope="module")
def detectors(shared_data):
    """The tutorial's hundred detector variations of models A and B."""
    folder = shared_data / "response"
    reco = read_binning(folder / "01" / "reco-binning.yml")
    truth = read_binning(folder / "01" / "optimised-truth-binning.yml")
    simulated = [read_csv(folder / "03" / f"model{name}_data.csv.gz") for name in "AB"]
    generated = [truth.fill(read_csv(folder / "00" / f"model{name}_truth.csv.gz")) for name in "AB"]
    builder = EnsembleBuilder(reco, truth, n_throws=1, key=KEY)
    posteriors = []
    for t in range(100):
        options = {"weight": f"weight_{t}", "rename": {f"reco_x_{t}": "reco_x"}}
        counts = ResponseCounts(reco, truth)
        for table in simulated:
            counts = counts.fill(table, **options)
        counts = counts.fill_up_truth(generated[0] + generated[1])
        builder = builder.add(counts)
        posteriors.append(MatrixPosterior(counts))
    return builder, posteriors


@pytest.mark.shared
def test_the_ensemble_of_the_tutorial_is_a_throw_of_the_same_posteriors(shared_data, detectors):
    builder, posteriors = detectors
    stored = ResponseMatrices.load(shared_data / "response" / "03" / "response_matrix.npz")
    own = builder.matrices()
    assert own.matrices.shape == stored.matrices.shape == (100, 8, 120)
    assert np.array_equal(own.truth_entries, stored.truth_entries)
    mean = np.array([posterior.mean() for posterior in posteriors])
    sigma = np.sqrt([np.diagonal(p.covariance(), axis1=1, axis2=2).T for p in posteriors])
    z = (stored.matrices - mean) / sigma
    assert z.mean() == pytest.approx(-0.0001, abs=1e-4)  # the reference is printed with four decimals
    assert z.std() == pytest.approx(1.0025, abs=1e-4)
    own_z = (own.matrices - mean) / sigma
    assert abs(own_z.mean()) < 4 / np.sqrt(own_z.size)
    assert own_z.std() == pytest.approx(1.0, abs=0.01)  # skewed elements: the error is a few times 1/sqrt(2 * 96000)
