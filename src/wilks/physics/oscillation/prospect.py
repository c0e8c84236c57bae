"""PROSPECT: baseline-dependent prompt spectra of one reactor core, free of the shape and size of the flux.

With M_le the counts in baseline bin l and prompt bin e, M_e = sum_l M_le, and P_le the prediction, d_le = M_le - M_e
P_le/P_e, and chi2 = d^T V^-1 d: what is compared is how the counts of one energy share out among the baselines.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from wilks._base.draws import poisson_quantile, uniforms
from wilks._base.normals import lower_product, standard_normals
from wilks._base.typing import Key, LogProb, Values
from wilks.likelihood.interface import AbstractLikelihood, AbstractSimulator
from wilks.likelihood.residuals import GaussianResiduals
from wilks.model.predictor import AbstractPredictor
from wilks.parameters.space import ParameterSpace
from wilks.physics.constants import PHASE_PER_EV2_M_MEV

from .readers.prospect import BASELINES, PROMPT_BINS, ProspectRelease
from .survival import AbstractSurvival
from .terms import Terms

CORE_RADIUS_M, SEGMENT_WIDTH_M = 0.2175, 0.145
"""Radius of the HFIR core and width of a segment; arXiv:2006.11210, section II."""

_TRUE_EDGE_MEV, _TRUE_STEP_MEV, _FINE = 1.8, 0.1, 10
_DISC_POINTS = 32  # Gauss-Chebyshev points: exact to rounding up to 100 eV^2
_HALF_LOG_TWO_PI = 0.5 * float(np.log(2 * np.pi))


class ProspectOscillation(AbstractPredictor[Float[Array, "baselines prompt"]]):
    """Predicted counts: those without oscillation times [sum over segments oscillated]/[the same, not oscillated].

    The mean of cos(2qL) over core and segment is cos(2q L_k) C(2q), with the same C for all segments: a disc projected
    on the line of sight, 2 J_1(w R)/(w R), times a box, sinc(w b/2). All that depends neither on s nor on m is
    prepared.

    Args:
        space: parameters of the model of survival.
        survival: model of survival.
        energies: fine energies in MeV, ten to each bin of true energy.
        weights: share of each fine energy in its bin of true energy.
        lengths_m: distance of each segment.
        response: expected share in the prompt bins for each bin of true energy, efficiency, 1/L^2 and spectrum
            included, divided by the sum without oscillation.
        members: 1 where a segment belongs to a baseline bin.
        null: predicted counts without oscillation.
    """

    space: ParameterSpace
    survival: AbstractSurvival
    energies: Float[np.ndarray, "true fine"]
    weights: Float[np.ndarray, "true fine"]
    lengths_m: Float[np.ndarray, " segments"]
    response: Float[np.ndarray, "segments prompt true"]
    members: Float[np.ndarray, "baselines segments"]
    null: Float[np.ndarray, "baselines prompt"]

    @classmethod
    def of(
        cls, release: ProspectRelease, survival: AbstractSurvival, spectrum: Float[np.ndarray, "true fine"]
    ) -> "ProspectOscillation":
        """The prediction of a release.

        Args:
            release: what was read.
            survival: model of survival.
            spectrum: flux times cross section at `fine_energies`.
        """
        bins = spectrum.mean(axis=1)
        rate = (release.efficiency / release.length_m**2)[:, None] * bins
        weights = np.divide(spectrum, bins[:, None] * _FINE, out=np.zeros_like(spectrum), where=bins[:, None] > 0)
        prompt = release.response * rate[:, None, :]
        members = (np.arange(BASELINES)[:, None] == release.baseline_bin).astype(float)
        total = members @ prompt.sum(axis=2)
        response = prompt / total[release.baseline_bin][:, :, None]
        return cls(
            survival.space, survival, fine_energies(), weights, release.length_m, response, members, release.null
        )

    def __call__(self, values: Values) -> Float[Array, "baselines prompt"]:
        """Counts at the named values."""
        return jnp.asarray(self.null) * (1.0 - self.loss(self.survival.terms(values)))

    def loss(self, terms: Terms) -> Float[Array, "baselines prompt"]:
        """Share of the counts that is lost, per baseline and prompt bin."""
        energies = jnp.asarray(self.energies).ravel()
        q = PHASE_PER_EV2_M_MEV * terms.splitting[:, None] / energies[None]
        smooth = _blurring(2.0 * q) * jnp.asarray(self.weights).ravel()[None]
        cosine = jnp.cos(2.0 * q[:, None, :] * jnp.asarray(self.lengths_m)[None, :, None]) * smooth[:, None, :]
        if terms.damping is not None:
            length, energy = jnp.asarray(self.lengths_m)[:, None], energies[None]
            power = length**terms.length_power / energy**terms.energy_power
            cosine = cosine * jnp.exp(-terms.damping[:, None, None] * power[None])
        remains = jnp.tensordot(terms.amplitude, cosine, 1).reshape(len(self.lengths_m), -1, _FINE).sum(axis=2)
        prompt = jnp.einsum("kej,kj->ke", jnp.asarray(self.response), jnp.sum(terms.amplitude) - remains)
        return 0.5 * jnp.asarray(self.members) @ prompt


class ProspectSpectra(AbstractLikelihood[Float[Array, " values"]], AbstractSimulator[Float[Array, " values"]]):
    """Judges how counts share out among baselines: the density of counts at given totals M_e of every prompt bin.

    -2 ln L = d^T V^-1 d + constant. Data are the 160 counts, index 16 (baseline) + (prompt bin), and bring their own
    M_e. Pseudo-experiments follow N(prediction, V) with the spectrum of the null prediction scaled to the observed
    total, or are Poisson counts with the released background, which is then subtracted.

    Args:
        space: parameters.
        oscillation: prediction.
        whiten: L^-1 of the covariance V = L L^T.
        factor: L.
        scale: observed over predicted total.
        background: subtracted background.
        log_norm: logarithm of the density at d = 0.
        draws: ``"gaussian"`` or ``"poisson"``.
    """

    space: ParameterSpace
    oscillation: ProspectOscillation
    whiten: Float[np.ndarray, "values values"]
    factor: Float[np.ndarray, "values values"]
    scale: Float[np.ndarray, ""]
    background: Float[np.ndarray, " values"]
    log_norm: Float[np.ndarray, ""]
    draws: str = eqx.field(static=True)

    @classmethod
    def of(cls, release: ProspectRelease, oscillation: ProspectOscillation, draws: str) -> "ProspectSpectra":
        """The likelihood of a release."""
        factor = np.linalg.cholesky(release.covariance)
        scale = np.array(release.counts.sum() / release.null.sum())
        return cls(
            oscillation.space, oscillation, np.linalg.inv(factor), factor, scale, release.background.ravel(),
            np.array(_log_norm(release.covariance)), draws,
        )  # fmt: skip

    def log_prob(self, values: Values, data: Float[Array | np.ndarray, " values"]) -> LogProb:
        """Log density of the counts given the totals of the prompt bins."""
        counts = jnp.asarray(data).reshape(BASELINES, PROMPT_BINS)
        difference = counts - _shares(self.oscillation(values)) * jnp.sum(counts, axis=0)[None]
        z = jnp.asarray(self.whiten) @ difference.ravel()
        log_prob = jnp.asarray(self.log_norm) - 0.5 * jnp.sum(z**2)
        return jnp.where(jnp.isfinite(log_prob), log_prob, -jnp.inf)

    def expected(self, values: Values) -> Float[Array, " values"]:
        """Expected counts."""
        return jnp.asarray(self.scale) * self.oscillation(values).ravel()

    def simulate(self, key: Key, values: Values) -> Float[Array, " values"]:
        """One set of counts, background subtracted."""
        counts, n = self.expected(values), len(self.background)
        if self.draws == "poisson":
            background = jnp.asarray(self.background)
            return poisson_quantile(uniforms(key, n), counts + background) - background
        return counts + lower_product(self.factor, standard_normals(key, n))

    def at_totals(self, data: Float[np.ndarray, " values"]) -> GaussianResiduals:
        """The likelihood with the totals M_e of given data held, also in pseudo-experiments: Gaussian residuals."""
        totals = np.asarray(data, dtype=float).reshape(BASELINES, PROMPT_BINS).sum(axis=0)
        return GaussianResiduals(
            HeldTotals(self.space, self.oscillation, totals), covariance=self.factor @ self.factor.T
        )


class HeldTotals(AbstractPredictor[Float[Array, " values"]]):
    """Counts M_e P_le/P_e at fixed totals M_e of the prompt bins.

    Args:
        space: parameters.
        oscillation: prediction P.
        totals: M_e.
    """

    space: ParameterSpace
    oscillation: ProspectOscillation
    totals: Float[np.ndarray, " prompt"]

    def __call__(self, values: Values) -> Float[Array, " values"]:
        """Counts at the named values."""
        return (jnp.asarray(self.totals)[None] * _shares(self.oscillation(values))).ravel()


def fine_energies() -> Float[np.ndarray, "true fine"]:
    """Ten energies in MeV in each of the 82 bins of true energy from 1.8 MeV on."""
    steps = (np.arange(_FINE) + 0.5) / _FINE
    return _TRUE_EDGE_MEV + _TRUE_STEP_MEV * (np.arange(82)[:, None] + steps)


def loss_table(
    oscillation: ProspectOscillation, masses_eV2: Float[np.ndarray, " masses"]
) -> Float[np.ndarray, "masses baselines prompt"]:
    """Share lost at s = 1 for each splitting: the table that signals are made of."""
    return np.asarray(_losses(oscillation, jnp.asarray(masses_eV2)), dtype=float)


def _shares(counts: Float[Array, "baselines prompt"]) -> Float[Array, "baselines prompt"]:
    return counts / jnp.sum(counts, axis=0)[None]


def _blurring(omega: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Mean of cos(omega x) over a projected disc and a box: Gauss-Chebyshev points of the second kind, and sinc."""
    angles = np.pi * np.arange(1, _DISC_POINTS + 1) / (_DISC_POINTS + 1)
    points, weights = np.cos(angles), 2.0 * np.sin(angles) ** 2 / (_DISC_POINTS + 1)
    half = _DISC_POINTS // 2  # symmetric points
    phases = jnp.multiply.outer(omega, jnp.asarray(CORE_RADIUS_M * points[:half]))
    disc = 2.0 * jnp.cos(phases) @ jnp.asarray(weights[:half])
    return disc * jnp.sinc(omega * SEGMENT_WIDTH_M / (2.0 * jnp.pi))


def _log_norm(covariance: np.ndarray) -> float:
    """ln of 1/Z, Z the integral of exp(-d^T V^-1 d/2) over all d whose baselines add up to 0 in every prompt bin."""
    apart = np.linalg.qr(np.eye(BASELINES)[:, :-1] - 1.0 / BASELINES)[0]  # columns orthogonal to (1, ..., 1)
    basis = np.kron(apart, np.eye(PROMPT_BINS))
    precision = basis.T @ np.linalg.solve(covariance, basis)
    return 0.5 * float(np.linalg.slogdet(precision)[1]) - _HALF_LOG_TWO_PI * basis.shape[1]


@eqx.filter_jit
def _losses(oscillation: ProspectOscillation, masses: Array) -> Array:
    return jax.lax.map(lambda m: oscillation.loss(Terms(jnp.ones(1), m[None])), masses)
