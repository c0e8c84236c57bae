"""The parameters that modifiers bring: starts, bounds, and the auxiliary measurements that constrain them."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from wilks._base.errors import InvalidModel, UnknownName, near_names
from wilks.parameters.parameter import Parameter

from .modifiers import (
    MODIFIER_KINDS,
    Channel,
    HistoSys,
    Modifier,
    NormSys,
    ShapeFactor,
    ShapeSys,
    StatError,
    TemplateSample,
)
from .predictor import Auxiliary


@dataclasses.dataclass(frozen=True)
class Nuisance:
    """One parameter of a model as its modifiers define it.

    Args:
        parameter: start and bounds.
        measurement: the auxiliary measurement, if constrained.
    """

    parameter: Parameter
    measurement: Auxiliary | None = None


@dataclasses.dataclass
class _Use:
    """Where a name is used first, and what has been gathered under it."""

    kind: str
    bins: int | None
    place: str
    channel: str
    constraint: str = "gaussian"
    nominal: np.ndarray | None = None
    variance: np.ndarray | None = None


def _factor(name: str) -> Parameter:
    return Parameter(name, 1.0, lower=0.0, upper=10.0)


def _gamma(name: str, *, fixed: bool = False) -> Parameter:
    return Parameter(name, 1.0, lower=1e-10, upper=10.0, fixed=fixed)  # at exactly 0 a Poisson term has no logarithm


def parameter_kind(modifier: Modifier) -> str:
    """What a modifier's parameter is; normsys and histosys of one name share theirs."""
    return "pull" if isinstance(modifier, NormSys | HistoSys) else MODIFIER_KINDS[type(modifier)]


def bin_name(name: str, index: int) -> str:
    """Name of one bin's parameter of a modifier with a parameter per bin."""
    return f"{name}[{index}]"


def collect_nuisances(
    channels: Sequence[Channel],
    parameters: Mapping[str, Parameter],
    auxiliary: Mapping[str, Auxiliary],
) -> tuple[Nuisance, ...]:
    """All parameters of the channels' modifiers, by name and bin.

    Args:
        channels: checked channels.
        parameters: settings that replace the defaults, by parameter name.
        auxiliary: measurements that replace the default constraint or add one, by parameter name.

    Raises:
        InvalidModel: if one name stands for different things (naming both places), or the luminosity has no
            measurement.
        UnknownName: for a setting of a parameter that does not exist.
    """
    nuisances = {
        nuisance.parameter.name: nuisance
        for name, use in sorted(_collect_uses(channels).items())
        for nuisance in _nuisances_of(name, use, auxiliary)
    }
    for name in (*parameters, *auxiliary):
        if name not in nuisances:
            raise UnknownName(f"no parameter {name!r} in this model; {near_names(name, nuisances)}")
    return tuple(_override(n, parameters.get(name), auxiliary.get(name)) for name, n in nuisances.items())


def _override(nuisance: Nuisance, parameter: Parameter | None, measurement: Auxiliary | None) -> Nuisance:
    """Settings of the user over the defaults; a bin that carries no information stays fixed and unconstrained."""
    idle = nuisance.parameter.fixed
    if parameter is not None and parameter.name != nuisance.parameter.name:
        raise InvalidModel(
            f"settings for parameter {nuisance.parameter.name!r} bear the name {parameter.name!r}; make them equal"
        )
    if parameter is None:
        parameter = nuisance.parameter
    if idle:
        return Nuisance(dataclasses.replace(parameter, fixed=True))
    return Nuisance(parameter, measurement or nuisance.measurement)


def _walk(channels: Sequence[Channel]) -> Iterator[tuple[Channel, TemplateSample, Modifier, str]]:
    for channel in channels:
        for sample in channel.samples:
            for modifier in sample.modifiers:
                kind = MODIFIER_KINDS[type(modifier)]
                yield channel, sample, modifier, f"{kind} in channel {channel.name!r}, sample {sample.name!r}"


def _collect_uses(channels: Sequence[Channel]) -> dict[str, _Use]:
    uses: dict[str, _Use] = {}
    for channel, sample, modifier, place in _walk(channels):
        kind = parameter_kind(modifier)
        bins = channel.bins if isinstance(modifier, ShapeFactor | ShapeSys | StatError) else None
        new = modifier.name not in uses
        use = uses.setdefault(modifier.name, _Use(kind, bins, place, channel.name))
        if not new:
            _check_reuse(modifier, kind, bins, channel, place, use)
        _gather(use, modifier, sample, new)
    return uses


def _check_reuse(modifier: Modifier, kind: str, bins: int | None, channel: Channel, place: str, use: _Use) -> None:
    both = f"{modifier.name!r} is used by {use.place} and by {place}"
    if use.kind != kind:
        raise InvalidModel(f"{both}: one name cannot mean two kinds of parameter; rename one")
    if kind == "shapesys":
        raise InvalidModel(f"{both}: a shapesys belongs to one sample of one channel; rename one")
    if kind == "staterror" and use.channel != channel.name:
        raise InvalidModel(f"{both}: a staterror belongs to one channel; rename one")
    if use.bins != bins:
        raise InvalidModel(f"{both}, of {use.bins} and {bins} bins; rename one")
    if isinstance(modifier, StatError) and modifier.constraint != use.constraint:
        raise InvalidModel(f"{both}, with constraints {use.constraint} and {modifier.constraint}; make them equal")


def _gather(use: _Use, modifier: Modifier, sample: TemplateSample, new: bool) -> None:
    """Add a sample to the nominal content and its variance that stand behind a gamma."""
    if not isinstance(modifier, ShapeSys | StatError):
        return
    if isinstance(modifier, StatError):
        use.constraint = modifier.constraint
    variance = modifier.sigma**2
    use.nominal = sample.values if new or use.nominal is None else use.nominal + sample.values
    use.variance = variance if new or use.variance is None else use.variance + variance


def _nuisances_of(name: str, use: _Use, auxiliary: Mapping[str, Auxiliary]) -> Iterator[Nuisance]:
    if use.bins is not None:
        for i in range(use.bins):
            yield _bin_nuisance(bin_name(name, i), use, i)
    elif use.kind == "pull":
        yield Nuisance(Parameter(name, 0.0, lower=-5.0, upper=5.0), Auxiliary(name, "gaussian", 1.0, 0.0))
    elif use.kind == "lumi":
        if name not in auxiliary:
            raise InvalidModel(
                f"{name!r} ({use.place}) has no measured luminosity; "
                f"give auxiliary={{{name!r}: Auxiliary({name!r}, 'gaussian', sigma, value)}}"
            )
        value = auxiliary[name].observed
        yield Nuisance(Parameter(name, value, lower=0.0, upper=10.0 * value), auxiliary[name])
    else:
        yield Nuisance(_factor(name))


def _bin_nuisance(name: str, use: _Use, index: int) -> Nuisance:
    if use.nominal is None or use.variance is None:  # a shapefactor: free
        return Nuisance(_factor(name))
    nominal, variance = float(use.nominal[index]), float(use.variance[index])
    if nominal <= 0 or variance <= 0:
        return Nuisance(_gamma(name, fixed=True))
    tau = nominal**2 / variance
    if use.kind == "shapesys" or use.constraint == "poisson":
        return Nuisance(_gamma(name), Auxiliary(name, "poisson", tau, tau))
    delta = float(np.sqrt(variance)) / nominal
    return Nuisance(_gamma(name), Auxiliary(name, "gaussian", delta, 1.0))
