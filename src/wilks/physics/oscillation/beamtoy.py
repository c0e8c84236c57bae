"""The beam toy of Feldman and Cousins: counts of a search for nu_mu -> nu_e over a known background."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from wilks._base.errors import InvalidModel
from wilks._base.typing import Scalar, Values
from wilks.likelihood.counts import PoissonCounts
from wilks.model.predictor import AbstractPredictor
from wilks.parameters.parameter import Parameter
from wilks.parameters.priors import LogUniform
from wilks.parameters.space import ParameterSpace
from wilks.physics.constants import PHASE_PER_EV2_M_MEV

from .averaging import uniform_mean
from .experiment import Source, Study
from .paths import Uniform
from .ranges import nan_outside
from .spaces import SPLITTING

CITATION = "G. J. Feldman and R. D. Cousins, Phys. Rev. D 57 (1998) 3873, physics/9711021, section V"

APPEARANCE = "sin2_2theta_mue"
"""4 |U_e4|^2 |U_mu4|^2, the amplitude of nu_mu -> nu_e."""

BEAM_PLANE = (APPEARANCE, SPLITTING)
"""The plane of the toy."""

DEMONSTRATION = {APPEARANCE: 0.006, SPLITTING: 40.0}
"""The point at which the paper shows a simulated experiment."""

_EDGES_GEV = np.linspace(10.0, 60.0, 6)
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(64)

_SPACE = ParameterSpace(
    (
        Parameter(
            APPEARANCE, 0.006, lower=0.0, upper=1.0, prior=LogUniform(1e-4, 1.0), latex=r"$\sin^2 2\theta_{\mu e}$"
        ),
        Parameter(
            SPLITTING, 40.0, lower=1.0, upper=1e3, prior=LogUniform(1.0, 1e3), unit="eV^2", latex=r"$\Delta m^2_{41}$"
        ),
    )
)


class BeamCounts(AbstractPredictor[Float[Array, " bins"]]):
    """mu = background + signal <P> in bins of energy, P = sin^2 2theta sin^2(kappa dm2 L/E).

    The mean over lengths is a closed form; energies are uniform in a bin (64 Gauss-Legendre points).

    Args:
        space: the two parameters.
        background: expected background per bin.
        signal: expected events per bin for P = 1.
        lengths_km: range of lengths, uniform.
        energies: nodes of each bin in GeV.
    """

    space: ParameterSpace
    background: Float[np.ndarray, ""]
    signal: Float[np.ndarray, ""]
    lengths_km: Float[np.ndarray, "2"]
    energies: Float[np.ndarray, "bins nodes"]

    def __call__(self, values: Values) -> Float[Array, " bins"]:
        """Expected counts."""
        return jnp.asarray(self.background) + self.per_amplitude(values[SPLITTING]) * nan_outside(
            values[APPEARANCE], 0.0, 1.0
        )

    def per_amplitude(self, dm2_eV2: Scalar | float) -> Float[Array, " bins"]:
        """Expected signal at sin^2 2theta = 1."""
        q = PHASE_PER_EV2_M_MEV * nan_outside(dm2_eV2, 0.0, jnp.inf) / jnp.asarray(self.energies)
        return jnp.asarray(self.signal) * (uniform_mean(q, *self.lengths_km) @ jnp.asarray(0.5 * _WEIGHTS))


def beam_toy(
    *,
    lengths_km: tuple[float, float] = (0.6, 1.0),
    background: float = 100.0,
    signal: float = 1e4,
    counts: Float[np.ndarray, " bins"] | None = None,
) -> Study:
    """Five bins of 10 GeV from 10 to 60 GeV with 100 events of background each, and 100 of signal where P = 0.01.

    Regions in the plane `BEAM_PLANE` are Feldman-Cousins: tabulate the likelihood with `tabulate_counts` and ask
    `contour` for them.

    Args:
        lengths_km: range of lengths, increasing.
        background: expected background per bin, positive.
        signal: expected events per bin for P = 1, positive.
        counts: observed counts; by default the expectation at the paper's demonstration point.

    Raises:
        InvalidModel: for lengths that do not increase, or numbers that are not positive.

    >>> study = beam_toy()
    >>> [round(float(n)) for n in study.data.counts]
    [124, 155, 149, 137, 127]
    """
    Uniform(*lengths_km)  # refuses bounds that do not increase
    if not (background > 0 and signal > 0):
        raise InvalidModel(f"background {background} and signal {signal} of the beam toy; expected positive numbers")
    middles, half = 0.5 * (_EDGES_GEV[1:] + _EDGES_GEV[:-1]), 0.5 * np.diff(_EDGES_GEV)
    energies = middles[:, None] + half[:, None] * _NODES
    numbers = (np.array(background, dtype=float), np.array(signal, dtype=float), np.array(lengths_km, dtype=float))
    likelihood = PoissonCounts(BeamCounts(_SPACE, *numbers, energies))
    data = likelihood.prepare(np.asarray(likelihood.expected_counts(DEMONSTRATION) if counts is None else counts))
    flags = {"asimov": "the data are the expectation at the demonstration point"} if counts is None else {}
    return Study("beam toy", likelihood, data, likelihood, BEAM_PLANE, (), flags, (Source("toy", CITATION),))
