"""Options of a fit as FlavorPy names them, and those that Wilks adds."""

from collections.abc import Sequence
from dataclasses import dataclass

from wilks._base.errors import InvalidOption, near_names

METHODS = (
    *("leastsq", "least_squares", "differential_evolution", "brute", "basinhopping", "ampgo", "nelder", "lbfgsb"),
    *("powell", "cg", "newton", "cobyla", "bfgs", "tnc", "trust-ncg", "trust-exact", "trust-krylov", "trust-constr"),
    *("dogleg", "slsqp", "emcee", "shgo", "dual_annealing"),
)
"""Names of lmfit's methods."""

DEFAULT_METHODS = (
    *("least_squares",) * 3,
    *("nelder",) * 3,
    *("powell", "lbfgsb", "cg", "cobyla", "trust-constr"),
)
"""Methods from which FlavorPy draws."""


@dataclass(frozen=True)
class FitOptions:
    """How a fit goes on from each start.

    The stages of every start are a smooth descent, then rounds of simplices on the exact chi-square. Names of methods,
    their order and time limits are accepted and checked; they do not change that.

    Args:
        methods: names of lmfit's methods.
        nr_methods: stages per start, each a row.
        shuffle_methods: without effect.
        max_time: seconds per stage; without effect, as no stage takes that long.
        retry_time: the same for a stage that is tried again.
        dig_deeper: as many stages once more.
        dig_deeper_threshold: without effect; every start digs.
        extra_starts: starts besides the user's points; 0 switches them off.
        seed: equal seeds give equal fits; without one, numpy's global generator rules.

    Raises:
        InvalidOption: for numbers below their least value, or unknown methods.
    """

    methods: Sequence[str] | None = None
    nr_methods: int = 4
    shuffle_methods: bool = True
    max_time: float | int = 45
    retry_time: float | int = 5
    dig_deeper: bool = False
    dig_deeper_threshold: float | int = 1000
    extra_starts: int = 1000
    seed: int | None = None

    def __post_init__(self) -> None:
        if self.nr_methods < 1:
            raise InvalidOption(f"nr_methods = {self.nr_methods}; give at least 1")
        if self.extra_starts < 0:
            raise InvalidOption(f"extra_starts = {self.extra_starts}; give 0 or more")
        if self.methods is not None and not self.methods:
            raise InvalidOption("methods is empty; give names of lmfit's methods, or None")
        for name in self.methods or ():
            if name not in METHODS:
                raise InvalidOption(f"method {name!r} does not exist; {near_names(str(name), METHODS)}")

    @property
    def stages(self) -> int:
        """Stages per start."""
        return self.nr_methods * (2 if self.dig_deeper else 1)
