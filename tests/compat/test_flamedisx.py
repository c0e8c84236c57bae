"""Sources of the drop-in for flamedisx: what they simulate, what they take, what they refuse."""

import subprocess
import sys

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

import wilks.compat.flamedisx as fd
from wilks._base.errors import InvalidData, InvalidModel, InvalidOption, UnknownName
from wilks.compat.flamedisx.frames import to_events
from wilks.physics.xenon.er import ERSource as NativeER
from wilks.physics.xenon.simulation import COLUMNS

# dtypes of frames of flamedisx 2.1.0: these columns hold whole numbers
WHOLE = [
    *("quanta_produced", "electrons_produced", "photons_produced"),
    *("photons_detected", "photoelectrons_detected", "electrons_detected"),
]


@pytest.fixture(scope="module")
def frame():
    return fd.ERSource().simulate(200, seed=1)


def test_frames_have_the_columns_and_types_of_flamedisx(frame):
    assert tuple(frame.columns) == COLUMNS
    assert list(frame.columns[frame.dtypes == np.int64]) == WHOLE
    assert list(frame.index) == list(range(len(frame)))
    assert 130 < len(frame) < 195  # 848 of 1000 survive


def test_draws_obey_the_global_state_of_numpy_or_a_seed(frame):
    np.random.seed(7)  # noqa: NPY002  what scripts do
    first, second = fd.ERSource().simulate(50), fd.ERSource().simulate(50)
    np.random.seed(7)  # noqa: NPY002
    pd.testing.assert_frame_equal(fd.ERSource().simulate(50), first)
    assert not first.equals(second)
    pd.testing.assert_frame_equal(fd.ERSource().simulate(200, seed=1), frame)


def test_truth_is_fixed_by_a_dictionary_a_frame_or_a_row(frame):
    assert set(fd.ERSource().simulate(20, fix_truth={"energy": 5.0}, seed=1)["energy"]) == {5.0}
    for place in (frame[:1], frame.iloc[0]):
        found = fd.ERSource().simulate(20, fix_truth=place, seed=1)
        for name in ("x", "y", "z", "r", "theta", "drift_time", "event_time"):
            assert set(found[name]) == {frame[name][0]}
        assert found["energy"].nunique() > 1
    found = fd.ERSource().simulate(20, fix_truth={"z": -10.0, "x": 3.0, "y": 4.0}, seed=1)
    assert found["r"].to_numpy() == pytest.approx(5.0)
    with pytest.raises(InvalidOption, match="needs z with x and y"):
        fd.ERSource().simulate(20, fix_truth={"z": -10.0})


def test_annotated_frames_hold_estimates(frame):
    source = fd.ERSource()
    found = source.annotate_data(frame)
    assert list(found.columns[: len(COLUMNS)]) == list(COLUMNS)
    assert found["e_vis"].to_numpy() == pytest.approx((found["e_charge_vis"] + found["e_light_vis"]).to_numpy())
    inside = (found["electrons_produced_min"] <= found["electrons_produced"]) & (
        found["electrons_produced"] <= found["electrons_produced_max"]
    )
    assert inside.mean() > 0.97  # ranges of three standard deviations
    assert found["electrons_produced_max"].dtype == np.int64
    again = fd.ERSource(elife=200e3).annotate_data(frame)["e_charge_vis"]
    pd.testing.assert_series_equal(source.annotate_data(frame, elife=200e3)["e_charge_vis"], again)
    assert (again > found["e_charge_vis"]).all()


def test_rates_are_those_of_the_native_source(frame):
    source = fd.ERSource(frame)
    events = to_events(frame)
    for values in ({}, {"elife": 100e3, "g2": 21.0}):
        # the same sums: any difference would be a different model
        np.testing.assert_array_equal(
            source.batched_differential_rate(progress=False, **values), NativeER().rate(values, events)
        )
    assert np.isfinite(np.log(source.batched_differential_rate(elife=100e3))).all()
    assert (source.n_events, source.batch_size, source.n_batches) == (len(frame), 10, -(-len(frame) // 10))
    assert len(source.data.columns) > len(frame.columns)
    with pytest.raises(InvalidData, match="has no data"):
        fd.ERSource().batched_differential_rate()


def test_constants_defaults_and_attributes_are_settings():
    source = fd.ERSource(photon_detection_eff=0.11, elife=500e3, fv_radius=40.0, t_stop=pd.Timestamp("2019-10-01"))
    assert (source.photon_detection_eff, source.defaults["elife"], source.fv_radius) == (0.11, 500e3, 40.0)
    assert source.native.volume.t_stop == pd.Timestamp("2019-10-01").value
    assert source.simulate(100, seed=1)["r"].max() < 40.0
    source.set_defaults(elife=400e3)
    assert (source.defaults["elife"], source.photon_detection_eff) == (400e3, 0.11)
    assert 452e3 * fd.ERSource().drift_velocity == pytest.approx(60.342, rel=1e-12)  # printed in the tutorial
    assert fd.ERSource().work == 13.7e-3
    with pytest.raises(UnknownName, match="elife"):
        fd.ERSource(elive=1.0)
    with pytest.raises(UnknownName, match="elife"):
        fd.ERSource().simulate(10, elive=1.0)


def test_a_class_may_hold_numbers_functions_methods_and_columns(frame):
    class Mine(fd.ERSource):
        photon_detection_eff = 0.12
        slope = 0.001

        def add_extra_columns(self, data):
            data["scaled"] = data["z"] * self.slope

        @staticmethod
        def electron_gain_mean(scaled, *, g2=20.0):
            return g2 * (1 + scaled)

        def photoelectron_gain_mean(self):
            return 1.0 + self.slope

    source = Mine(frame)
    assert source.simulate(30, seed=2)["scaled"].to_numpy() == pytest.approx(
        1e-3 * source.simulate(30, seed=2)["z"].to_numpy()
    )
    assert (source.f_dims["electron_gain_mean"], source.f_params["electron_gain_mean"]) == (["scaled"], ["g2"])
    found = source.gimme_numpy("electron_gain_mean")
    assert found == pytest.approx(20 * (1 + 1e-3 * frame["z"].to_numpy()))
    assert source.gimme_numpy("p_electron", np.full(len(frame), 100.0)) == pytest.approx(
        float(fd.ERSource.p_electron(100.0))
    )
    assert source.gimme_numpy("photon_detection_eff")[0] == 0.12
    assert (source.batched_differential_rate() > 0).all()


def test_old_names_of_functions_are_the_simulated_ones(frame):
    class Old(fd.ERSource):
        reconstruction_bias_s2 = 1.02

    new = fd.ERSource(frame, reconstruction_bias_s2_simulate=1.02)
    assert Old().native.model.constants["reconstruction_bias_s2_simulate"] == 1.02
    np.testing.assert_array_equal(Old(frame).batched_differential_rate(), new.batched_differential_rate())


def test_names_of_tensorflow_do_what_they_say():
    tf = fd.tf
    assert tf.constant(3).dtype == tf.cast(2, tf.float32).dtype == fd.float_type()
    assert tf.math.is_nan(tf.convert_to_tensor([1.0, np.nan])).tolist() == [False, True]
    assert tf.dtypes.cast(2.7, fd.int_type()) == 2
    assert tf.reduce_sum(tf.ones_like(tf.zeros((2, 3))), axis=0).tolist() == [2.0, 2.0, 2.0]
    assert tf.where([True, False], tf.constant([1, 2]), tf.zeros_like([1, 2])).tolist() == [1.0, 0.0]
    assert tf.where([False, True]).tolist() == [[1]]
    assert float(tf.math.lgamma(5.0)) == pytest.approx(np.log(24.0))
    assert float(tf.clip_by_value(3.0, 0.0, 1.0)) == float(tf.pow(tf.sqrt(tf.exp(0.0)), 2)) == 1.0
    assert tf.constant([True]).dtype == bool


def test_short_functions_of_flamedisx():
    assert float(fd.tf_log10(1000.0)) == pytest.approx(3.0)
    assert fd.safe_p(jnp.array([jnp.nan, 0.5, 2.0])).tolist() == [1e-5, 0.5, 1 - 1e-5]
    assert fd.pol_to_cart(*fd.cart_to_pol(3.0, 4.0)) == pytest.approx((3.0, 4.0))
    errors, correlations = fd.cov_to_std(np.array([[4.0, 1.0], [1.0, 9.0]]))
    assert errors.tolist() == [2.0, 3.0]
    assert correlations[0, 1] == pytest.approx(1 / 6)
    assert fd.wilks_crit(0.95) == pytest.approx(2.70554, rel=1e-5)  # chi-square of one degree, 90 %
    assert fd.tf_to_np([jnp.ones(1), 2])[1] == 2
    assert fd.np_to_tf((np.ones(1), 2))[0].dtype == fd.float_type()


def test_the_configuration_is_printed_as_table_and_as_file(capsys, tmp_path):
    fd.ERSource(elife=1e5).print_config(omit=("energies", "rates_vs_energy"))
    table = capsys.readouterr().out
    assert "elife                                   100000.0            \n" in table
    assert table.count("-" * 60) == 3
    fd.ERSource(elife=1e5).print_config(format="config", omit=("energies", "rates_vs_energy"))
    path = tmp_path / "mine.py"
    path.write_text(capsys.readouterr().out)
    assert fd.ERSource(config=str(path)).defaults["elife"] == 1e5
    assert fd.ERSource(config=[str(path)], elife=2e5).defaults["elife"] == 2e5
    with pytest.raises(InvalidOption, match="format"):
        fd.ERSource().print_config(format="yaml")


def test_numbers_before_and_after_losses():
    source = fd.ERSource()
    assert source.mu_before_efficiencies() == pytest.approx(1000.0)
    assert source.estimate_mu(20_000, seed=1) == pytest.approx(848.3, abs=10)  # four standard errors
    assert fd.NRSource().mu_before_efficiencies() == pytest.approx(100.0)


def test_inner_parts_of_flamedisx_are_refused_with_what_to_do():
    with pytest.raises(InvalidModel, match="histogram"):

        class _Drawn(fd.ERSource):
            def draw_positions(self, n_events, **params):
                return {}

    with pytest.raises(InvalidModel, match="block of flamedisx"):

        class _Stage(fd.Block):
            pass

    with pytest.raises(InvalidModel, match="made of blocks"):

        class _Blocks(fd.BlockModelSource):
            pass


def test_no_trials_give_an_empty_frame(frame):
    empty = fd.ERSource().simulate(0)
    assert len(empty) == 0
    assert tuple(empty.columns) == COLUMNS
    for wrong in (-1, "ten", 2.5):
        with pytest.raises(InvalidOption, match="trials"):
            fd.ERSource().simulate(wrong)
    with pytest.raises(InvalidData, match="DataFrame"):
        fd.ERSource({"s1": [1.0]})


def histogram_of_places():
    contents = np.arange(1.0, 9.0).reshape(2, 2, 2)
    return contents, [[0.0, 20.0, 47.0], [0.0, np.pi, 2 * np.pi], [-97.0, -50.0, 0.0]]


class Places:
    """A histogram like those of multihist."""

    histogram, bin_edges = histogram_of_places()
    axis_names = ("r", "theta", "z")


def test_histograms_of_positions_and_wimps(frame, caplog):
    source = fd.SpatialRateERSource(frame, spatial_hist=Places())
    found = source.simulate(400, seed=1, full_annotate=True)
    share = Places.histogram[1].sum() / Places.histogram.sum()
    # 400 trials: binomial error 0.023, and the selection depends weakly on depth
    assert (found["r"] > 20).mean() == pytest.approx(share, abs=0.08)
    assert "e_vis" in found
    assert (source.batched_differential_rate() > 0).any()
    with pytest.raises(InvalidModel, match="spatial_hist"):
        fd.SpatialRateNRSource()
    wimp = fd.WIMPSource(mw=50.0, sigma_nucleon=1e-45, n_time_bins=2)
    assert "wimprates" in caplog.text
    assert wimp.mu_before_efficiencies() > 10
    assert len(wimp.simulate(50, seed=1)) < 50
    assert (wimp.mw, wimp.defaults["elife"]) == (50.0, 452e3)


def test_columns_and_templates_give_rates(caplog):
    class Column(fd.ColumnSource):
        column = "rate"
        mu = 3.0

    data = pd.DataFrame({"rate": [0.5, 2.0], "s1": [0.5, 1.5], "s2": [0.5, 0.5]})
    assert Column(data).batched_differential_rate().tolist() == pytest.approx([0.5, 2.0])
    assert len(Column().simulate(5)) == 0
    assert "cannot simulate" in caplog.text
    edges = [[0.0, 1.0, 2.0], [0.0, 1.0]]
    template = fd.TemplateSource((np.array([[1.0], [3.0]]), edges), axis_names=("s1", "s2"), data=data)
    assert template.batched_differential_rate().tolist() == pytest.approx([1.0, 3.0])
    assert template.mu == template.mu_before_efficiencies() == 4.0
    assert (template.simulate(300, seed=1)["s1"] > 1).mean() == pytest.approx(0.75, abs=0.1)  # 4 binomial errors
    nodes = [({"tilt": t}, np.array([[1.0 + t], [3.0 - t]])) for t in (0.0, 1.0)]
    morphed = fd.MultiTemplateSource(nodes, edges, ("s1", "s2"), data=data)
    assert morphed.batched_differential_rate(tilt=0.5).tolist() == pytest.approx([1.5, 2.5])
    assert morphed.defaults == {"tilt": 0.0}
    with pytest.raises(InvalidOption, match="fix the truth"):
        template.simulate(5, fix_truth={"energy": 1.0})
    with pytest.raises(InvalidOption, match="no setting"):
        fd.TemplateSource(np.ones((1, 1)), [[0, 1], [0, 1]], ("s1", "s2"), elife=3.0)


def test_reservoirs_stand_for_their_sources(tmp_path):
    sources = {"er": fd.ERSource(), "late": fd.ERSource(elife=300e3)}
    pool = fd.make_event_reservoir(
        ntoys=1, max_rm_dict={"er": 0.05, "late": 0.05}, seed=1, reservoir_output_name=str(tmp_path / "pool"), **sources
    )
    assert list(pool["source"].unique()) == ["er", "late"]
    frozen = fd.FrozenReservoirSource(fd.ERSource, "er", None, pool)
    assert frozen.mu == pytest.approx(848.254, abs=0.01)  # published number of the default source
    frozen.set_data(pool)
    np.testing.assert_allclose(frozen.batched_differential_rate(), pool["er_diff_rate"])
    drawn = frozen.simulate(30, seed=1)
    assert len(drawn) == 30
    assert set(drawn["s1"]) <= set(pool["s1"][pool["source"] == "er"])
    pd.testing.assert_frame_equal(pd.read_pickle(tmp_path / "pool"), pool)
    with pytest.raises(InvalidModel, match="no events"):
        fd.FrozenReservoirSource(fd.ERSource, "nr", None, pool)


def test_estimators_of_old_scripts_are_accepted(caplog):
    rules = [fd.CrossInterpolatedMu, fd.GridInterpolatedMu, fd.SimulateEachCallMu, fd.ConstantMu(input_mu=3.0)]
    combined = fd.CombinedMu.from_estimators({("elife", "g2"): fd.GridInterpolatedMu})
    for rule in (*rules, combined, {"er": fd.CombinedMu}):
        fd.LogLikelihood({"er": fd.ERSource}, free_rates="er", mu_estimators=rule)
    assert "computed exactly" in caplog.text
    with pytest.raises(InvalidOption, match="mu_estimators"):
        fd.LogLikelihood({"er": fd.ERSource}, free_rates="er", mu_estimators=lambda **p: 3.0)


def test_the_import_opens_no_connection_and_writes_no_file(tmp_path):
    program = (
        "import os, sys\n"
        "events = []\n"
        "sys.addaudithook(lambda event, args: events.append((event, args)))\n"
        "import wilks.compat.flamedisx as fd\n"
        "calls = [e for e, _ in events if e in ('socket.connect', 'socket.getaddrinfo', 'urllib.Request')]\n"
        "modes = [(a[0], a[1]) for e, a in events if e == 'open' and isinstance(a[1], str)]\n"
        "written = [path for path, mode in modes if set(mode) & set('wax+') and '.pyc' not in str(path)]\n"
        "print(calls, written, sorted({'pandas', 'tensorflow', 'flamedisx'} & set(sys.modules)), os.listdir('.'))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.stdout.strip() == "[] [] [] []", done.stderr
