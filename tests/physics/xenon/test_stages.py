"""Model functions that depend on more than the default ones do, each against the plain sum or a simulation."""

import jax.numpy as jnp
import numpy as np
import pytest

from tests.physics.xenon import oracle
from wilks.physics.xenon.er import ERSource
from wilks.physics.xenon.source import compiled_expected, compiled_log_rate

ENERGIES, RATES = np.linspace(0.3, 1.2, 10), np.full(10, 5.0)  # up to 87 quanta


def small(cls=ERSource, **settings):
    return cls(energies=ENERGIES, rates_vs_energy=RATES, **settings)


@pytest.fixture(scope="module")
def plain():
    return small()


@pytest.fixture(scope="module")
def events(plain):
    return plain.draw(1, 120).where(slice(0, 30))


def agrees_with_simulation(source, trials=60_000):
    mean, error = source.estimate_mu(3, trials)
    return abs(float(compiled_expected(source, None)) - mean) < 4 * error  # one fixed draw


class EventLight(ERSource):
    @staticmethod
    def photon_detection_eff(z, g1=0.1, slope=0.0):
        return g1 * (1 + slope * z / 100)


class EventYields(ERSource):
    @staticmethod
    def p_electron(nq, z, er_pel=0.45, slope=0.0):
        return er_pel * (1 + slope * z / 100) + 0 * nq


def test_light_that_depends_on_the_event_reduces_to_light_that_does_not(plain, events):
    source = small(EventLight)
    assert source.rate(None, events) == pytest.approx(plain.rate(None, events), rel=1e-9)
    assert float(compiled_expected(source, None)) == pytest.approx(float(compiled_expected(plain, None)), rel=1e-9)
    # at one depth the slope is a change of g1
    shallow = events.where(np.argmin(np.abs(np.asarray(events["z"]) + 50))[None])
    factor = 1 + 0.4 * float(shallow["z"][0]) / 100
    assert source.rate({"slope": 0.4}, shallow) == pytest.approx(source.rate({"g1": 0.1 * factor}, shallow), rel=1e-9)


def test_yields_that_depend_on_the_event_reduce_to_yields_that_do_not(events):
    source = small(EventYields)
    flat = small(p_electron=lambda nq, er_pel=0.45: er_pel + 0 * nq)
    assert source.rate(None, events) == pytest.approx(flat.rate(None, events), rel=1e-9)
    one = events.where(slice(0, 1))
    factor = 1 - 0.3 * float(one["z"][0]) / 100
    assert source.rate({"slope": -0.3}, one) == pytest.approx(flat.rate({"er_pel": 0.45 * factor}, one), rel=1e-9)
    assert agrees_with_simulation(small(EventYields, slope=-0.3))


def test_losses_and_acceptances_by_number_of_electrons():
    source = small(
        electron_loss=lambda nel, tau=60.0: jnp.exp(-nel / tau),
        electron_acceptance=lambda electrons_detected, least=6.0: jnp.where(electrons_detected < least, 0.2, 0.9),
        penning_quenching_eff=lambda nph, quench=300.0: 1 / (1 + nph / quench),
    )
    events = source.draw(2, 200).where(slice(0, 6))
    assert source.check_accuracy(None, events).worst < 1e-6
    assert agrees_with_simulation(source)
    at = oracle.Point()
    pairs = oracle.electronic_pairs(at, ENERGIES, RATES)
    e, n = np.arange(len(pairs))[:, None], np.arange(len(pairs))[None]
    for row in zip(*(np.asarray(events[c]) for c in ("s1", "s2", "z", "drift_time")), strict=True):
        s1, s2, _, drift = map(float, row)
        p = 0.96 * np.exp(-drift / at.elife) * np.exp(-e / 60.0)
        signal = oracle.stats.norm.pdf(s2, 20 * n, np.sqrt(25 * n + 9e-6)) * np.where(n < 6, 0.2, 0.9)
        charge = (oracle.stats.binom.pmf(n, e, p) * signal).sum(axis=1)
        ph = np.arange(len(pairs))
        light = sum(
            oracle.stats.binom.pmf(d, ph, 0.1 / (1 + ph / 300.0))
            * np.sum(
                oracle.stats.binom.pmf(np.arange(d + 1), d, 0.219)
                * oracle.stats.norm.pdf(s1, d + np.arange(d + 1), np.sqrt(0.25 * (d + np.arange(d + 1)) + 1e-4))
            )
            for d in range(3, len(pairs))
        )
        found = source.rate(None, events.where(np.asarray(events["s1"]) == s1))[0]
        assert found == pytest.approx(charge @ pairs @ light, rel=1e-6)


def test_a_constant_acceptance_of_electrons_multiplies_rate_and_expectation(plain, events):
    half = small(electron_acceptance=0.5)
    assert half.rate(None, events) == pytest.approx(0.5 * plain.rate(None, events), rel=1e-12)
    assert float(compiled_expected(half, None)) == pytest.approx(0.5 * float(compiled_expected(plain, None)), rel=1e-12)


def test_the_factor_of_the_spectrum_is_in_rate_and_expectation(plain, events):
    tilted = small(energy_spectrum_rate_multiplier=lambda z, slope=1.0: 1 + slope * (1 + z / 97.6))
    factor = 2 + np.asarray(events["z"]) / 97.6
    assert tilted.rate(None, events) == pytest.approx(factor * plain.rate(None, events), rel=1e-12)
    assert agrees_with_simulation(tilted)
    doubled = small(energy_spectrum_rate_multiplier=2.0)
    assert float(compiled_expected(doubled, None)) == pytest.approx(
        2 * float(compiled_expected(plain, None)), rel=1e-12
    )


def test_reconstruction_that_depends_on_the_raw_signal(plain, events):
    """Constant functions of the raw signal give what constants give; others agree with simulation."""
    settings = {"reconstruction_bias_s1": 1.02, "reconstruction_smear_s1": 0.4, "reconstruction_smear_s2": 9.0}
    constant = small(**{f"{name}_simulate": value for name, value in settings.items()})
    views = small(
        reconstruction_bias_s1_simulate=lambda s1_raw, bias=1.02: bias + 0 * s1_raw,
        reconstruction_smear_s1_simulate=lambda s1_raw: 0.4 + 0 * s1_raw,
        reconstruction_smear_s2_simulate=lambda s2_raw: 9.0 + 0 * s2_raw,
    )
    inside = events.where(np.asarray(events["s2"]) > 60)
    # 32 Gauss-Hermite nodes over the smearing, which is not small against the width of one electron
    assert views.rate(None, inside) == pytest.approx(constant.rate(None, inside), rel=1e-5)
    assert float(compiled_expected(views, None)) == pytest.approx(float(compiled_expected(constant, None)), rel=1e-4)
    rising = small(reconstruction_bias_s2_simulate=lambda s2_raw: 1 + 0.1 * jnp.exp(-s2_raw / 300.0))
    assert agrees_with_simulation(rising)


def test_free_acceptances_are_integrated_between_their_edges(plain):
    same = small(
        s1_acceptance=lambda s1, low=2.0: 1.0 * (s1 >= low) * (s1 <= 70.0),
        s2_acceptance=lambda s2: jnp.where((s2 >= 2.0) & (s2 <= 6000.0), 1.0, 0.0),
    )
    assert float(compiled_expected(same, None)) == pytest.approx(float(compiled_expected(plain, None)), rel=1e-7)
    smooth = small(s2_acceptance=lambda s2, mid=400.0: 1 / (1 + jnp.exp((mid - s2) / 50.0)))
    assert agrees_with_simulation(smooth)


@pytest.mark.parametrize("free", ["elife", "min_photons", "er_pel_a"])
def test_frozen_tables_change_nothing(er, er_events, free):
    """Nothing, the light and the yields are computed anew."""
    columns, values = er.prepare(er_events), {free: er.space[free].start * 1.1}
    held = er.staged((free,))
    assert (held.held.seen is None, held.held.pairs is None) == (free != "elife", free != "min_photons")
    found = compiled_log_rate(held, {**values, "g2": 3.0}, columns)  # what is not free is ignored
    assert found == pytest.approx(compiled_log_rate(er, values, columns), rel=1e-9)
    assert float(compiled_expected(held, values)) == pytest.approx(float(compiled_expected(er, values)), rel=1e-12)
