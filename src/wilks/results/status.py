"""How a fit ended: each status is the sentence that a user reads."""

import enum


class Status(enum.Enum):
    """Outcome of one fit; ``value`` is a sentence, ``code`` the small integer kept in tables."""

    OK = "minimum found, curvature positive, no parameter on a bound"
    AT_BOUND = "minimum found with parameters exactly on a bound and the gradient pointing out of it"
    FALLBACK_OK = "minimum found, but only by a rescue after the first attempt had failed"
    NOT_PD = "the gradient vanishes, but the curvature is singular or negative: the data do not fix all parameters"
    MAX_ITER = "the largest number of iterations was reached before the minimum"
    NONFINITE = "the likelihood is not finite where the fit stands"
    FAILED = "every attempt ended badly; there is no minimum that can be trusted"

    @property
    def code(self) -> int:
        """Stable small integer, 0 to 6."""
        return _CODES[self]

    @property
    def converged(self) -> bool:
        """Whether the values are those of a minimum."""
        return self in _CONVERGED

    @property
    def word(self) -> str:
        """Short name, for tables and files: ``at_bound``."""
        return self.name.lower()

    @classmethod
    def from_code(cls, code: int) -> "Status":
        """The status of a small integer.

        Raises:
            ValueError: for an integer outside 0 to 6.
        """
        for status, known in _CODES.items():
            if known == code:
                return status
        raise ValueError(f"status code {code} does not exist; codes run from 0 to {len(_CODES) - 1}")


_CODES = {
    Status.OK: 0,
    Status.AT_BOUND: 1,
    Status.FALLBACK_OK: 2,
    Status.NOT_PD: 3,
    Status.MAX_ITER: 4,
    Status.NONFINITE: 5,
    Status.FAILED: 6,
}
_CONVERGED = (Status.OK, Status.AT_BOUND, Status.FALLBACK_OK)
