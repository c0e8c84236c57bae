"""Where and when events happen: a cylinder filled uniformly, and a live time."""

import dataclasses
import math

import numpy as np
from jaxtyping import Float

from wilks._base.errors import InvalidData, InvalidModel
from wilks.data.events import Events


@dataclasses.dataclass(frozen=True)
class Cylinder:
    """The sensitive volume and the live time; z is negative below the liquid surface.

    Args:
        fv_radius: radius, cm.
        fv_low: bottom, cm.
        fv_high: top, cm.
        drift_velocity: cm/ns.
        t_start: begin of the live time, ns since 1970-01-01 UTC.
        t_stop: end of the live time, ns since 1970-01-01 UTC.

    Raises:
        InvalidModel: if there is no room between the edges.
    """

    fv_radius: float = 47.9
    fv_low: float = -97.6
    fv_high: float = 0.0
    drift_velocity: float = 1.335e-4
    t_start: float = 1_567_326_480e9  # 2019-09-01T08:28
    t_stop: float = 1_598_948_880e9  # 2020-09-01T08:28

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = float(getattr(self, field.name))
            object.__setattr__(self, field.name, value)
            if not math.isfinite(value):
                raise InvalidModel(f"{field.name} is {value}; expected a finite number")
        if not self.fv_radius > 0:
            raise InvalidModel(f"fv_radius is {self.fv_radius} cm; expected more than 0")
        if not self.fv_low < self.fv_high:
            raise InvalidModel(f"fv_low {self.fv_low} cm lies not below fv_high {self.fv_high} cm; z is negative")
        if not self.drift_velocity > 0:
            raise InvalidModel(f"drift_velocity is {self.drift_velocity} cm/ns; expected more than 0")
        if not self.t_start <= self.t_stop:
            raise InvalidModel(f"t_start {self.t_start:.0f} ns lies after t_stop {self.t_stop:.0f} ns")

    @property
    def volume(self) -> float:
        """Volume in cm^3."""
        return math.pi * self.fv_radius**2 * (self.fv_high - self.fv_low)

    @property
    def extent(self) -> float:
        """Volume times live time in cm^3 ns; volume alone, times 1 ns, for a live time of 0."""
        return self.volume * max(self.t_stop - self.t_start, 1.0)

    def log_share(self, events: Events, extent: float) -> Float[np.ndarray, " events"]:
        """ln of a uniform density over this cylinder and live time, relative to one over ``extent``; -inf outside.

        Args:
            events: with z, and r or x and y; the live time is that of all of them if there is no ``event_time``.
            extent: volume times live time, cm^3 ns.

        Raises:
            InvalidData: if a position is missing.
        """
        if "z" not in events or ("r" not in events and not ("x" in events and "y" in events)):
            raise InvalidData(f"{events.source}: sources of different volumes need columns z, and r or x and y")
        z = np.asarray(events["z"], dtype=float)
        r = events["r"] if "r" in events else np.hypot(events["x"], events["y"])
        inside = (np.asarray(r, dtype=float) <= self.fv_radius) & (z >= self.fv_low) & (z <= self.fv_high)
        if "event_time" in events:
            time = np.asarray(events["event_time"], dtype=float)
            inside &= (time >= self.t_start) & (time <= self.t_stop)
        return np.where(inside, math.log(extent / self.extent), -math.inf)

    def at_all_times(self) -> "Cylinder":
        """The same volume with a live time that holds every event."""
        return dataclasses.replace(self, t_start=-1e19, t_stop=1e19)

    def places(
        self,
        r: Float[np.ndarray, " events"],
        theta: Float[np.ndarray, " events"],
        z: Float[np.ndarray, " events"],
        event_time: Float[np.ndarray, " events"],
    ) -> dict[str, np.ndarray]:
        """Position columns in the order in which simulated events hold them."""
        x, y = r * np.cos(theta), r * np.sin(theta)
        drift = -z / self.drift_velocity
        return {"r": r, "theta": theta, "z": z, "x": x, "y": y, "drift_time": drift, "event_time": event_time}

    def from_unit_cube(self, u: Float[np.ndarray, "events 4"]) -> dict[str, np.ndarray]:
        """Positions and times of points of the unit cube, which map to equal volumes and times."""
        return self.places(
            self.fv_radius * np.sqrt(u[:, 0]),
            2 * np.pi * u[:, 1],
            self.fv_low + (self.fv_high - self.fv_low) * u[:, 2],
            self.t_start + (self.t_stop - self.t_start) * u[:, 3],
        )
