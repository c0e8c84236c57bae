"""Sums of templates with one free norm each: the model whose Jacobian is a constant."""

from collections.abc import Mapping

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy.typing import ArrayLike

from wilks._base.errors import InvalidModel
from wilks._base.typing import Values
from wilks.parameters.parameter import Parameter
from wilks.parameters.space import ParameterSpace

from .predictor import AbstractSourcePredictor, Auxiliary, SourceParts, TemplateParts


class LinearTemplates(AbstractSourcePredictor):
    """mu_b = sum over s of theta_s T_sb, with the variance sum over s of theta_s^2 V_sb of finite simulation.

    >>> model = LinearTemplates.of({"signal": [1.0, 5.0], "background": [9.0, 9.0]})
    >>> [float(x) for x in model({"signal": 2.0, "background": 1.0})]
    [11.0, 19.0]
    """

    space: ParameterSpace
    bin_names: tuple[tuple[str, int], ...] = eqx.field(static=True)
    auxiliary: tuple[Auxiliary, ...] = eqx.field(static=True)
    templates: Float[np.ndarray, "bins norms"]
    variances: Float[np.ndarray, "bins norms"]

    @classmethod
    def of(
        cls,
        templates: Mapping[str, ArrayLike],
        *,
        variances: Mapping[str, ArrayLike] | None = None,
        parameters: Mapping[str, Parameter] | None = None,
        channel: str = "main",
    ) -> "LinearTemplates":
        """One template per norm; the norm bears the template's name and starts at 1 in [0, inf).

        Args:
            templates: expected counts per bin at norm 1, by name.
            variances: their variances from finite simulation; absent names are exact.
            parameters: other settings of a norm, by template name (start, bounds, even another name).
            channel: name of the channel that the bins belong to.

        Raises:
            InvalidModel: for unequal lengths, values that are not finite, negative variances, or an empty template.
        """
        arrays = {name: np.asarray(values, dtype=float) for name, values in templates.items()}
        if not arrays or next(iter(arrays.values())).size == 0:
            raise InvalidModel("no templates given, or templates without bins; give at least one of each")
        bins = len(next(iter(arrays.values())))
        errors = {name: np.asarray((variances or {}).get(name, np.zeros(bins)), dtype=float) for name in arrays}
        for name in arrays:
            _check(name, arrays[name], errors[name], bins)
        for name in variances or {}:
            if name not in arrays:
                raise InvalidModel(f"variances are given for {name!r}, which is no template")
        space = ParameterSpace(tuple((parameters or {}).get(n, Parameter(n, 1.0, lower=0.0)) for n in arrays))
        return cls(
            space,
            ((channel, bins),),
            (),
            np.stack(list(arrays.values()), axis=1),
            np.stack(list(errors.values()), axis=1),
        )

    def __call__(self, values: Values) -> Float[Array, " bins"]:
        """Expected counts per bin."""
        return jnp.asarray(self.templates) @ self.space.pack(values)

    def parts(self, values: Values) -> TemplateParts:
        """Expected counts; a template with a variance in any bin counts as simulated in all."""
        theta = self.space.pack(values)
        templates, variances = jnp.asarray(self.templates), jnp.asarray(self.variances)
        simulated = jnp.any(variances > 0, axis=0)
        inexact = templates @ jnp.where(simulated, theta, 0.0)
        return TemplateParts(templates @ jnp.where(simulated, 0.0, theta), inexact, variances @ theta**2)

    def relative_error(self) -> Float[Array, " bins"]:
        """Relative error of the simulated part with all norms at their starts."""
        parts = self.parts(self.space.unpack(self.space.starts))
        positive = parts.simulated > 0
        return jnp.where(positive, jnp.sqrt(parts.variance) / jnp.where(positive, parts.simulated, 1.0), 0.0)

    def sources(self, values: Values) -> SourceParts:
        """Expected counts by template; bins of a template without variance are exact."""
        content = (jnp.asarray(self.templates) * self.space.pack(values)[None]).T
        inexact = jnp.asarray(self.variances.T > 0)
        return SourceParts(jnp.sum(jnp.where(inexact, 0.0, content), axis=0), jnp.where(inexact, content, 0.0))

    def simulated_events(self) -> Float[np.ndarray, "norms bins"]:
        """Effective events sumw^2/sumw2 of each template.

        Raises:
            InvalidModel: if weights make a simulated content negative.
        """
        found = np.argwhere((self.variances > 0) & (self.templates <= 0))
        if len(found):
            where, which = (int(i) for i in found[0])
            raise InvalidModel(
                f"template {self.space.names[which]!r} has content {self.templates[where, which]:g} with an error in "
                f"bin {where}: weights that are negative or cancel have no number of simulated events; merge the bin"
            )
        square = self.templates**2
        return np.divide(square, self.variances, out=np.zeros_like(square), where=self.variances > 0).T


def _check(name: str, values: np.ndarray, variances: np.ndarray, bins: int) -> None:
    if values.shape != (bins,) or variances.shape != (bins,):
        raise InvalidModel(
            f"template {name!r} has shape {values.shape} and variances {variances.shape}; expected ({bins},) for both"
        )
    for what, array in (("content", values), ("variance", variances)):
        if not np.isfinite(array).all():
            where = int(np.flatnonzero(~np.isfinite(array))[0])
            raise InvalidModel(f"template {name!r}: {what} {array[where]} in bin {where} is not finite")
    if (variances < 0).any():
        where = int(np.flatnonzero(variances < 0)[0])
        raise InvalidModel(f"template {name!r}: variance {variances[where]} in bin {where} is negative")
    if not (values != 0).any():
        raise InvalidModel(f"template {name!r} is empty: not identifiable; leave it out")
