"""What a template model is made of: channels of samples, and the modifiers that move a sample's template.

The expectation of a bin is the sum over samples of (template + additive shifts) x product of factors
(HistFactory, CERN-OPEN-2012-016). Which modifier to use when:

NormFactor    a free strength that scales a sample
NormSys       a systematic that scales a sample, known from +-1 sigma factors
HistoSys      a systematic that moves a sample's shape, known from +-1 sigma templates
Lumi          the luminosity, common to all samples that carry it
ShapeFactor   a free factor per bin, common to all samples that carry the name
ShapeSys      an uncorrelated systematic per bin of one sample
StatError     finite simulation per bin, common to the samples of one channel (for the closed form that costs
              no parameter give the sample ``variances`` instead)
"""

from collections.abc import Iterable, Sequence
from typing import Any, Literal, TypeAlias

import equinox as eqx
import numpy as np
from jaxtyping import Float

from wilks._base.errors import InvalidModel


def _numbers(values: Any) -> Float[np.ndarray, " bins"]:
    return np.array(values, dtype=float)


def _numbers_or_none(values: Any) -> Float[np.ndarray, " bins"] | None:
    return None if values is None else _numbers(values)


class NormFactor(eqx.Module):
    """A free factor on a whole sample; samples that carry the same name share it."""

    name: str = eqx.field(static=True)


class NormSys(eqx.Module):
    """A factor known at +-1 sigma of its nuisance parameter.

    Args:
        name: the nuisance parameter, measured as 0 +- 1; a `HistoSys` of the same name shares it.
        hi: factor at +1 sigma, above 0.
        lo: factor at -1 sigma, above 0.
    """

    name: str = eqx.field(static=True)
    hi: float
    lo: float


class HistoSys(eqx.Module):
    """A template known at +-1 sigma of its nuisance parameter.

    Args:
        name: the nuisance parameter, measured as 0 +- 1; a `NormSys` of the same name shares it.
        hi: template at +1 sigma.
        lo: template at -1 sigma.
    """

    name: str = eqx.field(static=True)
    hi: Float[np.ndarray, " bins"] = eqx.field(converter=_numbers)
    lo: Float[np.ndarray, " bins"] = eqx.field(converter=_numbers)


class Lumi(eqx.Module):
    """The luminosity in units of its nominal value; its auxiliary measurement must be given to the model."""

    name: str = eqx.field(static=True, default="lumi")


class ShapeFactor(eqx.Module):
    """A free factor per bin, ``NAME[i]``; channels of equal bin number may share it by name."""

    name: str = eqx.field(static=True)


class ShapeSys(eqx.Module):
    """An uncorrelated systematic per bin of one sample, measured as a Poisson count tau = (template/sigma)^2.

    Args:
        name: bins are ``NAME[i]``; used once in a model.
        sigma: absolute uncertainty per bin, not negative; 0 fixes the bin.
    """

    name: str = eqx.field(static=True)
    sigma: Float[np.ndarray, " bins"] = eqx.field(converter=_numbers)


class StatError(eqx.Module):
    """Finite simulation of a channel: one factor per bin for all its samples that carry the name.

    Args:
        name: bins are ``NAME[i]``; used in one channel only.
        sigma: absolute uncertainty of this sample per bin, not negative.
        constraint: ``"gaussian"``: 1 ~ Normal(gamma, delta); ``"poisson"``: 1/delta^2 ~ Poisson(gamma/delta^2).
    """

    name: str = eqx.field(static=True)
    sigma: Float[np.ndarray, " bins"] = eqx.field(converter=_numbers)
    constraint: Literal["gaussian", "poisson"] = eqx.field(static=True, default="gaussian")


Modifier: TypeAlias = NormFactor | NormSys | HistoSys | Lumi | ShapeFactor | ShapeSys | StatError
"""Any modifier of a sample."""

MODIFIER_KINDS: dict[type, str] = {
    NormFactor: "normfactor",
    NormSys: "normsys",
    HistoSys: "histosys",
    Lumi: "lumi",
    ShapeFactor: "shapefactor",
    ShapeSys: "shapesys",
    StatError: "staterror",
}
"""The name of each modifier in HistFactory files and in messages."""


class TemplateSample(eqx.Module):
    """One process in one channel.

    Args:
        name: unique in its channel.
        values: expected counts per bin at nominal parameters.
        variances: their variance from the finite simulation (sum of squared weights), if the likelihood is to
            treat it in closed form; None for a template that counts as exact.
        modifiers: what moves it.
    """

    name: str = eqx.field(static=True)
    values: Float[np.ndarray, " bins"] = eqx.field(converter=_numbers)
    variances: Float[np.ndarray, " bins"] | None = eqx.field(default=None, converter=_numbers_or_none)
    modifiers: tuple[Modifier, ...] = eqx.field(default=(), converter=tuple)


class Channel(eqx.Module):
    """One region with its samples, which all have the same bins.

    Args:
        name: unique in the model.
        samples: at least one.
        edges: bin edges for plots, one more than bins, rising.
    """

    name: str = eqx.field(static=True)
    samples: tuple[TemplateSample, ...] = eqx.field(converter=tuple)
    edges: Float[np.ndarray, " edges"] | None = eqx.field(default=None, converter=_numbers_or_none)

    @property
    def bins(self) -> int:
        """Number of bins."""
        return len(self.samples[0].values)


def check_channels(channels: Sequence[Channel]) -> None:
    """Refuse channels that cannot make a model.

    Raises:
        InvalidModel: naming channel, sample, modifier, bin and value.
    """
    if not channels:
        raise InvalidModel("a template model needs at least one channel")
    _check_unique("channel", (channel.name for channel in channels), "the model")
    for channel in channels:
        place = f"channel {channel.name!r}"
        if not channel.samples:
            raise InvalidModel(f"{place} has no samples; give at least one")
        _check_unique("sample", (sample.name for sample in channel.samples), place)
        for sample in channel.samples:
            _check_sample(sample, channel.bins, f"{place}, sample {sample.name!r}")
        _check_edges(channel, place)


def _check_unique(what: str, names: Iterable[str], place: str) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise InvalidModel(f"{place} has two {what}s named {name!r}; rename one")
        seen.add(name)


def _check_edges(channel: Channel, place: str) -> None:
    edges = channel.edges
    if edges is None:
        return
    if len(edges) != channel.bins + 1:
        raise InvalidModel(f"{place}: {len(edges)} edges for {channel.bins} bins; give one more edge than bins")
    if not (np.all(np.isfinite(edges)) and np.all(np.diff(edges) > 0)):
        raise InvalidModel(f"{place}: edges {edges.tolist()} must be finite and rising")


def _check_sample(sample: TemplateSample, bins: int, place: str) -> None:
    if bins == 0:
        raise InvalidModel(f"{place}: the template has no bins")
    _check_array("values", sample.values, bins, place)
    if sample.variances is not None:
        _check_array("variances", sample.variances, bins, place, positive=True)
    _check_unique("modifier", (f"{MODIFIER_KINDS[type(m)]} {m.name}" for m in sample.modifiers), place)
    for modifier in sample.modifiers:
        _check_modifier(modifier, sample, f"{place}, {MODIFIER_KINDS[type(modifier)]} {modifier.name!r}")


def _check_modifier(modifier: Modifier, sample: TemplateSample, place: str) -> None:
    bins = len(sample.values)
    match modifier:
        case NormSys(hi=hi, lo=lo):
            for side, factor in (("hi", hi), ("lo", lo)):
                if not (np.isfinite(factor) and factor > 0):
                    raise InvalidModel(f"{place}: {side} = {factor} must be a finite factor above 0")
        case HistoSys(hi=hi, lo=lo):
            _check_array("hi", hi, bins, place)
            _check_array("lo", lo, bins, place)
        case ShapeSys(sigma=sigma):
            _check_array("sigma", sigma, bins, place, positive=True)
        case StatError(sigma=sigma):
            _check_array("sigma", sigma, bins, place, positive=True)
            if sample.variances is not None:
                raise InvalidModel(
                    f"{place}: the sample also has variances, which would count its finite simulation twice; keep one"
                )


def _check_array(what: str, values: np.ndarray, bins: int, place: str, *, positive: bool = False) -> None:
    if values.shape != (bins,):
        raise InvalidModel(f"{place}: {what} have shape {values.shape}, expected ({bins},) as the channel's bins")
    bad = ~np.isfinite(values) | (values < 0 if positive else False)
    if np.any(bad):
        where = int(np.argmax(bad))
        wanted = "finite and not negative" if positive else "finite"
        raise InvalidModel(f"{place}: {what}[{where}] = {values[where]} must be {wanted}")
