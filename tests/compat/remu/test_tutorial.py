"""The steps of ReMU's tutorial through the drop-in, on its data: published figures, and the sixth step as it stands."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.lib.recfunctions import append_fields

from wilks.compat.remu import binning, likelihood, matrix_utils, migration

pytestmark = pytest.mark.shared


@pytest.fixture(scope="session")
def response_data(shared_data):
    folder = shared_data / "response"
    if not folder.is_dir():
        pytest.skip(f"the tutorial's data are not in {shared_data}")
    return folder


def load(path):
    with path.open() as f:
        return binning.yaml.full_load(f)


@pytest.fixture(scope="module")
def templates(response_data):
    truth, found = load(response_data / "01" / "optimised-truth-binning.yml"), {}
    for name in "AB":
        truth.reset()
        truth.fill_from_csv_file(str(response_data / "00" / f"model{name}_truth.txt"))
        found[name] = truth.get_values_as_ndarray() / truth.get_values_as_ndarray().sum()
    return found


@pytest.fixture(scope="module")
def counts(response_data):
    reco = load(response_data / "01" / "reco-binning.yml")
    reco.fill_from_csv_file(str(response_data / "00" / "real_data.txt"))
    return reco.get_entries_as_ndarray()


def calculator(folder, counts, *tables):
    response = likelihood.ResponseMatrixPredictor(str(folder / "response_matrix.npz"))
    chain = response.compose(likelihood.TemplatePredictor(list(tables)))
    return likelihood.LikelihoodCalculator(likelihood.PoissonData(counts), chain)


# L. Koch, ReMU tutorial, doi:10.5281/zenodo.1217572; figures of an independent computation to all digits shown
FITS = {
    "01": {"A": (900.29284, -25.2572786), "B": (986.51244, -24.4390681), "AB": (351.78109, 601.04184, -23.8187999)},
    "03": {"A": (909.94724, -25.8512515), "B": (992.40419, -24.9471027), "AB": (339.9900, 625.3373, -24.4794967)},
}
VALUES = {"01": (-27.8002342, -24.4802831), "03": (-26.9910417, -24.9535602)}


@pytest.mark.parametrize("step", FITS)
@pytest.mark.parametrize("models", ["A", "B", "AB"])
def test_fits_of_steps_two_and_three(response_data, templates, counts, step, models):
    best = calculator(response_data / step, counts, *(templates[name] for name in models)).maximum
    *weights, log_likelihood = FITS[step][models]
    assert best.success
    assert best.log_likelihood == pytest.approx(log_likelihood, abs=6e-8)  # the last digit given
    assert best.x == pytest.approx(weights, abs=2e-4)


@pytest.mark.parametrize("step", VALUES)
def test_likelihoods_of_steps_two_and_three(response_data, templates, counts, step):
    both = calculator(response_data / step, counts, templates["A"], templates["B"])
    assert both([[1000.0, 0.0], [0.0, 1000.0]]) == pytest.approx(VALUES[step], abs=6e-8)


def test_p_values_of_step_two(response_data, templates, counts):
    tester = likelihood.HypothesisTester(
        calculator(response_data / "01", counts, templates["A"], templates["B"]), likelihood.BasinHoppingMaximizer()
    )
    for value, p in ((0.0, 0.265368), (500.0, 0.645190), (1000.0, 0.004775)):
        assert tester.wilks_max_likelihood_ratio_p_value([value, None]) == pytest.approx(p, abs=1e-6)
    found = tester.likelihood_p_value([[1000.0, 0.0], [0.0, 1000.0]], N=20000, key=1)
    # four standard errors of 20000 toys, beside the error of the reference
    assert np.all(np.abs(found - [0.1935, 0.690]) < 4 * np.sqrt(0.2 / 20000) + 0.001)


def test_the_average_over_variations_reports_how_many_count(response_data, templates, counts):
    best = calculator(response_data / "03", counts, templates["A"], templates["B"]).maximum
    assert best.effective_variations == pytest.approx(48.5, abs=0.05)


def test_matrices_of_step_one(response_data):
    matrices = {}
    for name in "AB":
        reco, truth = (
            load(response_data / "01" / "reco-binning.yml"),
            load(response_data / "01" / "fine-truth-binning.yml"),
        )
        matrix = migration.ResponseMatrix(reco, truth)
        matrix.fill_from_csv_file(str(response_data / "00" / f"model{name}_data.txt"))
        matrix.fill_up_truth_from_csv_file(str(response_data / "00" / f"model{name}_truth.txt"))
        matrices[name] = matrix
    _, p_chi2, distance, _, degrees = matrix_utils.compatibility(*matrices.values(), return_all=True, key=1)
    assert degrees == 8 * 87
    assert distance == pytest.approx(457.6, abs=0.05)
    assert p_chi2 > 0.99
    both = matrices["A"] + matrices["B"]
    while both.get_truth_entries_as_ndarray().min() < 10:
        both = matrix_utils.improve_stats(both)
    assert both.truth_binning == load(response_data / "01" / "optimised-truth-binning.yml").clone(dummy=True)
    published = likelihood.ResponseMatrixPredictor(str(response_data / "01" / "response_matrix.npz")).matrices[0]
    # the same formulas, sums in another order
    assert np.allclose(both.get_mean_response_matrix_as_ndarray(), published, rtol=1e-12)


def test_one_detector_of_step_five(response_data):
    """Signal, background and noise share a matrix, told apart by a cut; it agrees with the shared ensemble."""
    number, builder = 7, migration.ResponseMatrixArrayBuilder(1, key=1)
    reco, truth = load(response_data / "01" / "reco-binning.yml"), load(response_data / "05" / "truth-binning.yml")
    matrix = migration.ResponseMatrix(reco, truth, nuisance_indices=[0])

    def of(kind):
        return lambda table: append_fields(table, "event_type", np.full(len(table), float(kind)), usemask=False)

    files = {1: ["03/modelA_data.txt", "03/modelB_data.txt"], 0: ["05/bg_data.txt"]}
    generated = {1: ["00/modelA_truth.txt", "00/modelB_truth.txt"], 0: ["05/bg_truth.txt"]}
    for kind, names in files.items():
        matrix.fill_from_csv_file(
            [str(response_data / name) for name in names],
            weightfield=f"weight_{number}",
            rename={f"reco_x_{number}": "reco_x"},
            cut_function=of(kind),
            buffer_csv_files=True,
        )
    matrix.fill_from_csv_file(str(response_data / "05" / "noise_data.txt"), cut_function=of(-1))
    for kind, names in generated.items():
        matrix.fill_up_truth_from_csv_file([str(response_data / name) for name in names], cut_function=of(kind))
    assert matrix.get_mean_response_matrix_as_ndarray()[:, 0].sum() == pytest.approx(1.0)
    builder.add_matrix(matrix)
    shared = np.load(response_data / "05" / "response_matrix.npz")
    fewer = shared["truth_entries"] - builder.get_truth_entries_as_ndarray()
    assert fewer.min() == 0  # the shared file has the largest number of all detectors
    assert (fewer > 0).sum() <= 3  # only where filling up was refused
    mean = matrix.get_mean_response_matrix_as_ndarray()
    error = np.sqrt(matrix.get_statistical_variance_as_ndarray())
    filled = shared["sparse_indices"]
    pull = (shared["matrices"][number] - mean[:, filled]) / error[:, filled]
    # 8 x 169 elements, correlated within columns: mean and width of the pulls to a few of their errors
    assert abs(pull.mean()) < 0.1
    assert abs(pull.std() - 1.0) < 0.15


@pytest.fixture(scope="module")
def workplace(response_data, tmp_path_factory):
    """A copy of the tutorial's folders that scripts may write into."""
    folder = tmp_path_factory.mktemp("tutorial") / "response"
    shutil.copytree(response_data, folder)
    for path in (folder, *folder.iterdir()):
        path.chmod(0o755)
    for step in range(7):
        (folder / f"0{step}").mkdir(exist_ok=True)
    return folder


def run_script(step, workplace):
    """The script of one step, run in its folder."""
    script = Path(__file__).with_name(f"example_0{step}.py")
    run = subprocess.run(
        [sys.executable, str(script)],
        cwd=workplace / f"0{step}",
        env={**os.environ, "MPLBACKEND": "agg"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert run.returncode == 0, run.stderr
    return run


# what each script writes, and words of what it prints that are published or follow from the data
STEPS = {
    0: (("real_data.png", "model_data.png", "model_truth.png"), ("445.0", "9832", "9848")),
    1: (("fine-distance.png", "efficiency.png", "my-response_matrix.npz", "my-truth-binning.yml"), ("120 11 19680",)),
    2: (("ratio-p-values.png", "reco-comparison.png"), ("-27.8002342", "-24.48028", "-23.81879", "-24.43906")),
    3: (("modelA.png", "modelB.png", "my-response_matrix.npz"), ("(100, 8)",)),
    4: (("weight-A.png", "truth-mixed.png", "reco-mixed.png"), ("(2000, 1)", "(4000, 2)")),
    5: (("fit-1.png", "fit-3.png", "my-response_matrix.npz"), ("1 -3", "3 -2")),
}


@pytest.mark.parametrize("step", STEPS)
def test_scripts_of_steps_run_once_their_imports_are_changed(step, workplace):
    files, words = STEPS[step]
    run = run_script(step, workplace)
    for word in words:
        assert word in run.stdout
    for name in files:
        assert (workplace / f"0{step}" / name).stat().st_size > 200


def test_step_six_runs_as_it_stands(workplace):
    run = run_script(6, workplace)
    lines = run.stdout.splitlines()
    assert lines[:6] == ["48 120 9", "432 1080", "(0, 0)", "(0, 1)", "(1, 0)", "(100, 9)"]
    assert float(lines[6]) > 10 * float(lines[7]), "the flux at 8 is much larger than at 3"
    assert "log_likelihood: -27.3" in run.stdout
    assert all(0 < float(line) <= 1 for line in lines[-2:])
    assert "values of shape (100, 120) for a binning of shape (120,)" in run.stderr
    for name in ("flux.png", "pretty_bg_xsec.png", "modelB_prediction.png", "wilks-p-values.png"):
        assert (workplace / "06" / name).stat().st_size > 1000
    assert len(pd.read_csv(workplace / "05" / "real_data.csv.gz")) == 794
