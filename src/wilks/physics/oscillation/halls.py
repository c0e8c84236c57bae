"""Daya Bay's three halls and NEOS of 2016, from the digitised spectra of arXiv:2201.05108.

The halls share the unknown flux: one factor per energy bin, common to the halls, is fitted in closed form, so that
neither the shape nor the size of the flux is assumed.
"""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from wilks._base.draws import poisson_quantile, uniforms
from wilks._base.numerics import log_factorial
from wilks._base.typing import Key, LogProb, Values
from wilks.likelihood.interface import AbstractLikelihood, AbstractSimulator
from wilks.model.predictor import AbstractPredictor
from wilks.parameters.parameter import Parameter
from wilks.parameters.space import ParameterSpace
from wilks.physics.constants import PHASE_PER_EV2_M_MEV

from .paths import AbstractPaths, InverseSquare, survival_probability
from .readers.dayabay_neos_2016 import FINE_BINS, HallSpectra, NeosSpectra
from .survival import AbstractSurvival
from .terms import Terms

FINE_STEP_MEV, SHIFT_MEV = 0.05, 0.78222
"""Width of the fine bins, and E_nu - E_prompt."""

FRACTIONS = (0.55825, 0.07600, 0.30975, 0.05575)
"""Mean fission fractions; Daya Bay, arXiv:1607.05378, table IX."""

CORES_M = (  # D1, D2, L1, L2, L3, L4; Daya Bay, arXiv:1610.04802, table I, averaged over the detectors of a hall
    (360.167, 370.089, 903.41, 817.03, 1353.93, 1265.61),
    (1334.96, 1360.52, 470.278, 492.473, 558.145, 500.141),
    (1921.39, 1895.92, 1536.93, 1537.25, 1555.56, 1529.06),
)

# arXiv:1610.04802, table VI, AD1 AD2 / AD3 AD8 / AD4 AD5 AD6 AD7: livetime in days, efficiencies of muon veto and
# multiplicity cut, and targets relative to AD1
LIVETIME_DAYS = ((1117.178, 1117.178), (1114.337, 924.933), (1106.915, 1106.915, 1106.915, 917.417))
VETO = ((0.8255, 0.8221), (0.8573, 0.8571), (0.9824, 0.9823, 0.9821, 0.9826))
MULTIPLICITY = ((0.9744, 0.9747), (0.9757, 0.9757), (0.9759, 0.9758, 0.9756, 0.9758))
TARGETS = ((1.0, 1.0013), (0.9975, 1.0002), (0.9988, 1.0024, 0.9975, 0.9995))

NORMS = ("hall_norm_EH2", "hall_norm_EH3")
"""Rates of EH2 and EH3 relative to EH1; powers of the cores during each detector's livetime are not in the files."""

NEOS_LENGTH_M, NEOS_HALF_WIDTH_M = 23.64, 1.5
NEOS_FRACTIONS = (0.655, 0.072, 0.235, 0.038)
"""NEOS, arXiv:1610.05134."""

_NORM_BOUND = 0.1


def fine_energies() -> Float[np.ndarray, " true"]:
    """Neutrino energies in MeV at the centres of the fine true bins."""
    return (np.arange(FINE_BINS) + 0.5) * FINE_STEP_MEV + SHIFT_MEV


def joining(edges: Float[np.ndarray, " edges"]) -> Float[np.ndarray, "bins fine"]:
    """Fine reconstructed bins belong to the bin that holds their centre."""
    centres = (np.arange(FINE_BINS) + 0.5) * FINE_STEP_MEV
    lower, upper = edges[:-1, None] - 1e-9, edges[1:, None] - 1e-9
    return ((centres >= lower) & (centres < upper)).astype(float)


class HallCounts(AbstractLikelihood[Float[Array, " counts"]], AbstractSimulator[Float[Array, " counts"]]):
    """Poisson counts of three halls, mu_hi = alpha_i n_h S_hi + B_hi with alpha_i = sum_h (N - B)/sum_h n_h S.

    -2 ln L = 2 sum [mu - N + N ln(N/mu)] + constant. Data are the counts of EH1, EH2 and EH3, one after the other.
    Survival is averaged over the width of a fine bin: <cos 2D> = cos(2D) sin(x)/x, x = D dE/E. Pseudo-experiments take
    the alpha_i that the observed counts give.

    Args:
        space: parameters of the model of survival, and relative norms of EH2 and EH3 where they are free.
        survival: model of survival.
        rates: exposure / L^2 x flux x cross section per hall, core and true energy.
        smearing: from true energies to bins.
        background: expected background per hall and bin.
        observed: observed counts per hall and bin.
        norms: names of the relative norms; empty where they are held at 1.
    """

    space: ParameterSpace
    survival: AbstractSurvival
    rates: Float[np.ndarray, "halls cores true"]
    smearing: Float[np.ndarray, "bins true"]
    background: Float[np.ndarray, "halls bins"]
    observed: Float[np.ndarray, "halls bins"]
    norms: tuple[str, ...] = eqx.field(static=True)

    @classmethod
    def of(
        cls,
        spectra: HallSpectra,
        survival: AbstractSurvival,
        per_fission: Float[np.ndarray, "4 true"],
        *,
        free_norms: bool = True,
    ) -> "HallCounts":
        """The likelihood of the released spectra.

        Args:
            spectra: what was read.
            survival: model of survival.
            per_fission: flux times cross section of the four isotopes at `fine_energies`.
            free_norms: whether EH2 and EH3 have free norms relative to EH1.
        """
        shape = np.array(FRACTIONS) @ per_fission
        rates = (exposures()[:, None] / np.array(CORES_M) ** 2)[:, :, None] * shape
        smearing = joining(spectra.edges) @ spectra.response
        norms = NORMS if free_norms else ()
        low, high = 1.0 - _NORM_BOUND, 1.0 + _NORM_BOUND
        space = survival.space | ParameterSpace(tuple(Parameter(n, 1.0, lower=low, upper=high) for n in norms))
        rates = rates / rates.sum() * spectra.observed.sum()
        return cls(space, survival, rates, smearing, spectra.background, spectra.observed, norms)

    def shapes(self, values: Values) -> Float[Array, "halls bins"]:
        """Expected events of each hall up to the factor per bin, norms included."""
        alive = 1.0 - _loss(self.survival.terms(values), jnp.asarray(CORES_M)[:, :, None])
        events = jnp.sum(jnp.asarray(self.rates) * alive, axis=1) @ jnp.asarray(self.smearing).T
        if not self.norms:
            return events
        return events * jnp.stack([jnp.ones(()), *(values[name] for name in self.norms)])[:, None]

    def expected_counts(self, values: Values, counts: Float[Array, "halls bins"]) -> Float[Array, "halls bins"]:
        """Counts with the factors per bin that given counts ask for."""
        shapes, background = self.shapes(values), jnp.asarray(self.background)
        factors = jnp.sum(counts - background, axis=0) / jnp.sum(shapes, axis=0)
        return factors[None] * shapes + background

    def log_prob(self, values: Values, data: Float[Array | np.ndarray, " counts"]) -> LogProb:
        """Sum of ln Poisson(N; mu); -inf where a mean is not positive."""
        counts = jnp.asarray(data).reshape(self.background.shape)
        mu = self.expected_counts(values, counts)
        good = mu > 0
        each = counts * jnp.log(jnp.where(good, mu, 1.0)) - mu - log_factorial(counts)
        return jnp.where(jnp.all(good), jnp.sum(each), -jnp.inf)

    def expected(self, values: Values) -> Float[Array, " counts"]:
        """Expected counts."""
        return self.expected_counts(values, jnp.asarray(self.observed)).ravel()

    def simulate(self, key: Key, values: Values) -> Float[Array, " counts"]:
        """Poisson counts."""
        return poisson_quantile(uniforms(key, self.background.size), self.expected(values))


class NeosRatio(AbstractPredictor[Float[Array, " bins"]]):
    """Ratio mu(values)/mu(no sterile neutrino), both with background and normalised to the observed counts.

    Args:
        space: parameters of the model of survival.
        survival: model of survival.
        paths: distribution of path lengths.
        rates: flux times cross section at `fine_energies`.
        smearing: from true energies to bins.
        background: expected background.
        total: observed counts, background included.
    """

    space: ParameterSpace
    survival: AbstractSurvival
    paths: AbstractPaths
    rates: Float[np.ndarray, " true"]
    smearing: Float[np.ndarray, "bins true"]
    background: Float[np.ndarray, " bins"]
    total: Float[np.ndarray, ""]

    @classmethod
    def of(
        cls, spectra: NeosSpectra, survival: AbstractSurvival, per_fission: Float[np.ndarray, "4 true"]
    ) -> "NeosRatio":
        """The prediction of the digitised ratio.

        Args:
            spectra: what was read.
            survival: model of survival.
            per_fission: flux times cross section of the four isotopes at `fine_energies`.
        """
        edges = 1.0 + 0.1 * np.arange(len(spectra.ratio) + 1)
        paths = InverseSquare.around(NEOS_LENGTH_M, NEOS_HALF_WIDTH_M)
        rates = np.array(NEOS_FRACTIONS) @ per_fission
        smearing = joining(edges) @ spectra.response
        total = np.array(spectra.observed.sum())
        return cls(survival.space, survival, paths, rates, smearing, spectra.background, total)

    def __call__(self, values: Values) -> Float[Array, " bins"]:
        """The ratio at the named values."""
        alive = survival_probability(self.survival.terms(values), self.paths, fine_energies())
        return self._counts(alive) / self._counts(jnp.ones(FINE_BINS))

    def _counts(self, alive: Float[Array, " true"]) -> Float[Array, " bins"]:
        events = jnp.asarray(self.smearing) @ (jnp.asarray(self.rates) * alive)
        background = jnp.asarray(self.background)
        return events * (self.total - jnp.sum(background)) / jnp.sum(events) + background


def exposures() -> Float[np.ndarray, " halls"]:
    """Livetime x efficiencies x targets of each hall, in days of AD1 at full efficiency."""
    parts = zip(LIVETIME_DAYS, VETO, MULTIPLICITY, TARGETS, strict=True)
    return np.array([float(np.sum(np.prod(np.array(hall), axis=0))) for hall in parts])


def _loss(terms: Terms, lengths_m: Float[Array, "halls cores 1"]) -> Float[Array, "halls cores true"]:
    """1 - P, averaged over the width of a fine bin."""
    energies = jnp.asarray(fine_energies())[None, None]
    tall = (-1, 1, 1, 1)
    angle = terms.splitting.reshape(tall) * (PHASE_PER_EV2_M_MEV * lengths_m / energies)[None]
    cosine = jnp.cos(2.0 * angle) * jnp.sinc(angle * FINE_STEP_MEV / energies[None] / jnp.pi)
    if terms.damping is not None:
        power = lengths_m**terms.length_power / energies**terms.energy_power
        cosine = cosine * jnp.exp(-terms.damping.reshape(tall) * power[None])
    return 0.5 * jnp.tensordot(terms.amplitude, 1.0 - cosine, 1)
