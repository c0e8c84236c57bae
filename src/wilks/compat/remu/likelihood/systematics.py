"""How the log likelihoods of systematic variations become one number."""

from typing import Any, TypeAlias

import numpy as np

from wilks._base.errors import InvalidOption


class NoSystematics:
    """Keeps the axis of variations."""

    @staticmethod
    def consume_axis(log_likelihood: Any, weights: Any = None) -> Any:
        """The log likelihoods as they are."""
        return np.asarray(log_likelihood)


class MarginalLikelihoodSystematics:
    """Averages the likelihood over the variations."""

    @staticmethod
    def consume_axis(log_likelihood: Any, weights: Any = None) -> Any:
        """ln sum_s (w_s / sum w) e^(l_s) along the last axis.

        Args:
            log_likelihood: l_s, variations last.
            weights: w_s, all equal by default.
        """
        each = np.asarray(log_likelihood, dtype=float)
        share = np.ones(each.shape[-1]) if weights is None else np.asarray(weights, dtype=float)
        with np.errstate(divide="ignore"):
            terms = each + np.log(share / share.sum(axis=-1, keepdims=True))
            top = terms.max(axis=-1, keepdims=True)
            top = np.where(np.isfinite(top), top, 0.0)
            return np.log(np.exp(terms - top).sum(axis=-1)) + top[..., 0]


class ProfileLikelihoodSystematics:
    """Takes the likelihood of the best variation."""

    @staticmethod
    def consume_axis(log_likelihood: Any, weights: Any = None) -> Any:
        """max_s l_s along the last axis; weights are ignored."""
        return np.asarray(log_likelihood, dtype=float).max(axis=-1)


Consumer: TypeAlias = Any
"""A class or object with ``consume_axis(log_likelihood, weights)``."""

_NAMED: dict[str, Consumer] = {
    "marginal": MarginalLikelihoodSystematics,
    "average": MarginalLikelihoodSystematics,
    "profile": ProfileLikelihoodSystematics,
    "maximum": ProfileLikelihoodSystematics,
}
_MODES = {MarginalLikelihoodSystematics: "marginal", ProfileLikelihoodSystematics: "profile"}


def consumer_of(systematics: Any) -> Consumer:
    """What reduces the variations.

    Args:
        systematics: a name, or a class or object with ``consume_axis``.

    Raises:
        InvalidOption: for an unknown name, listing the known ones.
    """
    if isinstance(systematics, str):
        if systematics not in _NAMED:
            raise InvalidOption(f"systematics {systematics!r} do not exist; choose one of {', '.join(_NAMED)}")
        return _NAMED[systematics]
    if not callable(getattr(systematics, "consume_axis", None)):
        raise InvalidOption(f"systematics {systematics!r} have no consume_axis; choose one of {', '.join(_NAMED)}")
    return systematics


def mode_of(consumer: Consumer) -> str | None:
    """The engine's name of the treatment of variations; None for a user's own."""
    kind = consumer if isinstance(consumer, type) else type(consumer)
    return _MODES.get(kind)
