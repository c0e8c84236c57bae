"""How accurate the fast sums of a source are: compared with full sums over larger tables and more nodes."""

import dataclasses

import numpy as np
from jaxtyping import Float

from wilks.results.text import Summary, as_text


@dataclasses.dataclass(frozen=True, repr=False)
class Accuracy:
    """Errors of fast rates and of the expected number.

    Args:
        log_rate_errors: ln of fast over exact rate, for every event.
        expected: expected number of events.
        expected_error: its change with twice the nodes per dimension.
    """

    log_rate_errors: Float[np.ndarray, " events"]
    expected: float
    expected_error: float

    @property
    def worst(self) -> float:
        """Largest error of ln rate of an event."""
        return float(np.max(np.abs(self.log_rate_errors), initial=0.0))

    @property
    def rms(self) -> float:
        """Root mean square of the errors of ln rate."""
        return float(np.sqrt(np.mean(self.log_rate_errors**2))) if len(self.log_rate_errors) else 0.0

    @property
    def total(self) -> float:
        """Error of ln likelihood: the sum over events less that of the expected number."""
        return float(np.sum(self.log_rate_errors)) - self.expected_error

    def __repr__(self) -> str:
        rows = (
            ("worst event", f"{self.worst:.1e}"),
            ("root mean square", f"{self.rms:.1e}"),
            ("ln likelihood of all", f"{self.total:.1e}"),
            (f"expected events ({self.expected:.6g})", f"{self.expected_error:.1e}"),
        )
        count = f"{len(self.log_rate_errors)} events against full sums"
        return as_text(Summary("Accuracy of the rates", (count,), ("", "error of ln rate"), rows))
