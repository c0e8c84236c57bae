"""Compiled functions of a likelihood, which is taken apart once and not at every call."""

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

import equinox as eqx
import jax

from wilks._base.errors import InvalidModel
from wilks._base.runtime import RUN_ONCE
from wilks._base.tracing import ADVICE, UNTRACEABLE
from wilks.likelihood.interface import AbstractLikelihood

from .identity import once_per_likelihood
from .stored_programs import traced

Options = ParamSpec("Options")
Found = TypeVar("Found")


class _Structure:
    """A likelihood without its arrays; equal ones share compiled programs."""

    def __init__(self, likelihood: AbstractLikelihood) -> None:
        arrays, rest = eqx.partition(likelihood, eqx.is_array)
        leaves, self._rest = jax.tree.flatten(rest)
        self._content = (jax.tree.structure(arrays), self._rest, tuple(leaves))
        self._hash = hash(self._content)

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, _Structure) and self._content == other._content)

    def __hash__(self) -> int:
        return self._hash

    @property
    def rest(self) -> Any:
        """All but the arrays."""
        _, rest, leaves = self._content
        return jax.tree.unflatten(rest, leaves)

    def with_arrays(self, arrays: list[jax.Array]) -> AbstractLikelihood:
        """The likelihood again."""
        tree, rest, leaves = self._content
        return eqx.combine(jax.tree.unflatten(tree, arrays), jax.tree.unflatten(rest, leaves))


@once_per_likelihood
def _apart(likelihood: AbstractLikelihood) -> tuple[_Structure, list[jax.Array]]:
    """Structure of a likelihood, and its arrays where they are computed with."""
    arrays = [jax.device_put(leaf) for leaf in jax.tree.leaves(eqx.filter(likelihood, eqx.is_array))]
    return _Structure(likelihood), arrays


def compiled(*static: str, once: bool = False) -> Callable[[Callable[Options, Found]], Callable[Options, Found]]:
    """Compile a function whose first argument is a likelihood that holds no traced values.

    Likelihoods of equal structure share one program: their arrays are arguments of it. Unlike `equinox.filter_jit`,
    which walks through the whole likelihood at every call, this does so once.

    Args:
        static: names of arguments that are not arrays; one program is made for each of their values.
        once: whether it runs once where others run often: ``RUN_ONCE``.
    """

    def decorate(function: Callable[Options, Found]) -> Callable[Options, Found]:
        @functools.partial(jax.jit, static_argnames=("structure", *static), compiler_options=RUN_ONCE if once else None)
        def program(structure: _Structure, arrays: list[jax.Array], *rest: Any, **options: Any) -> Any:
            def whole(own: list[jax.Array], *others: Any) -> Any:
                called: Any = function
                return called(structure.with_arrays(own), *others, **options)

            return traced(
                f"{function.__module__}.{function.__qualname__}", whole, structure.rest, (arrays, *rest), options
            )

        @functools.wraps(function)
        def call(likelihood: AbstractLikelihood, *rest: Any, **options: Any) -> Any:
            structure, arrays = _apart(likelihood)
            try:
                return program(structure, arrays, *rest, **options)
            except UNTRACEABLE as error:
                raise InvalidModel(f"{type(likelihood).__name__} cannot be compiled: {ADVICE}") from error

        return cast(Callable[Options, Found], call)

    return decorate
