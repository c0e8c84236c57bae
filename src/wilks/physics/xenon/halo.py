"""The dark matter halo at the Earth: speeds of WIMPs, and how they change during a year."""

import dataclasses
import math

import jax.numpy as jnp
from jax.scipy.special import erf
from jaxtyping import Array, Float

from wilks._base.errors import InvalidModel, check_option

NORMALISATIONS = ("unit", "wimprates-0.5")

_J2000 = 946_728_000e9  # 2000-01-01T12:00 UTC in ns since 1970
_DAY = 86_400e9
_YEAR = 365.25  # days
_EQUINOX = 79.5  # days after J2000
_AVERAGE = 59.37  # day on which the Earth has its average speed
_ORBIT_1 = (0.9931, 0.1170, -0.01032)
_ORBIT_2 = (-0.0670, 0.4927, -0.8676)

Times = Float[Array, "..."] | float


@dataclasses.dataclass(frozen=True)
class Halo:
    """The standard halo: speeds follow a Maxwell distribution up to the escape speed, seen from the moving Earth.

    Args:
        density: of dark matter at the Earth, GeV/cm^3, above 0.
        speed: most probable speed v0, that of the local standard of rest, km/s, above 0.
        escape_speed: in the rest frame of the halo, km/s, above the speed of the Earth.
        peculiar_velocity: of the Sun, towards the centre of the galaxy, along its rotation, and up, km/s.
        orbital_speed: of the Earth around the Sun, km/s.
        normalisation: "unit" makes the distribution of speeds integrate to 1; "wimprates-0.5" to 0.970 at the default
            speeds, as wimprates 0.5.0 does, which multiplies where it must divide.

    Raises:
        InvalidModel: for a density or speeds that make no sense.
        InvalidOption: for an unknown normalisation.

    References:
        D. Baxter et al., arXiv:2105.00599 (values, and the velocity of the Earth).
    """

    density: float = 0.3
    speed: float = 238.0
    escape_speed: float = 544.0
    peculiar_velocity: tuple[float, float, float] = (11.1, 12.2, 7.3)
    orbital_speed: float = 29.8
    normalisation: str = "unit"

    def __post_init__(self) -> None:
        check_option("normalisation", self.normalisation, NORMALISATIONS)
        for name in ("density", "speed"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise InvalidModel(f"halo: {name} is {value}; expected a number above 0")
        fastest = float(self.earth_speed()) + self.orbital_speed
        if not (math.isfinite(self.escape_speed) and self.escape_speed > fastest):
            raise InvalidModel(
                f"halo: escape_speed is {self.escape_speed} km/s; expected more than the {fastest:.0f} km/s that the "
                "Earth can have"
            )

    def earth_speed(self, event_time: Times | None = None) -> Float[Array, "..."]:
        """Speed of the Earth in the rest frame of the halo, km/s.

        Args:
            event_time: ns since 1970-01-01 UTC; the average of a year if it is not given.
        """
        days = jnp.asarray(_AVERAGE if event_time is None else (jnp.asarray(event_time) - _J2000) / _DAY)
        phase = 2 * math.pi * (days - _EQUINOX) / _YEAR
        rest = (0.0, self.speed, 0.0)
        parts = [
            r + sun + self.orbital_speed * (one * jnp.cos(phase) + two * jnp.sin(phase))
            for r, sun, one, two in zip(rest, self.peculiar_velocity, _ORBIT_1, _ORBIT_2, strict=True)
        ]
        return jnp.sqrt(sum(part**2 for part in parts))

    def mean_inverse_speed(
        self, slowest: Float[Array, "*shape"], earth_speed: Float[Array, "*shape"]
    ) -> Float[Array, "*shape"]:
        """Mean of 1/v over the WIMPs faster than a speed, s/km: the integral of f(v)/v above it.

        Args:
            slowest: least speed that counts, km/s, at least 0.
            earth_speed: speed of the Earth, km/s.

        References:
            J. D. Lewin and P. F. Smith, Astropart. Phys. 6 (1996) 87, eq. 3.12 and 3.13.
        """
        x, a, z = slowest / self.speed, earth_speed / self.speed, self.escape_speed / self.speed
        cut = math.exp(-(z**2)) / math.sqrt(math.pi)
        whole = (erf(x + a) - erf(x - a)) / (2 * earth_speed) - 2 * cut / self.speed
        part = (math.erf(z) - erf(x - a)) / (2 * earth_speed) - (z + a - x) * cut / earth_speed
        found = jnp.where(x < z - a, whole, jnp.where(x < z + a, part, 0.0))
        return jnp.maximum(found, 0.0) * self._factor

    @property
    def _factor(self) -> float:
        """What makes the distribution of speeds integrate to 1; its inverse for wimprates 0.5."""
        z = self.escape_speed / self.speed
        kept = math.erf(z) - 2 * z * math.exp(-(z**2)) / math.sqrt(math.pi)
        return 1 / kept if self.normalisation == "unit" else kept
