"""From the tables of an HS3 document to the template model that one of its likelihoods means."""

import dataclasses
import functools
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from wilks._base.errors import near_names
from wilks.model.modifiers import Channel, NormFactor, TemplateSample
from wilks.model.nuisances import collect_nuisances
from wilks.model.predictor import Auxiliary
from wilks.parameters.parameter import Parameter

from .hs3_fields import Entry, Tables, referenced, take_contents, take_single
from .hs3_modifiers import ReadChannel, Term, read_channel
from .json_fields import take_array, take_number, take_object, take_text
from .strict_json import Place

_MAIN = ("histfactory_dist", "poisson_dist")


@dataclasses.dataclass(frozen=True)
class Hs3Model:
    """What one likelihood of a document means.

    Args:
        channels: regions in the order of the likelihood; a ``poisson_dist`` is one of a single bin.
        counts: observed counts of all bins.
        parameters: start, bounds and fixing, by name of the model.
        auxiliary: constraints that replace or add to those of the modifiers, by name of the model.
        names: parameter of the document -> parameter of the model.
        poi: first parameter of interest, None if there is none.
        notices: what is allowed but probably not meant.
    """

    channels: tuple[Channel, ...]
    counts: tuple[float, ...]
    parameters: dict[str, Parameter]
    auxiliary: dict[str, Auxiliary]
    names: dict[str, str]
    poi: str | None
    notices: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class _Value:
    """One entry of a parameter point."""

    value: float
    const: bool
    place: Place


@dataclasses.dataclass(frozen=True)
class _Measured:
    """A distribution of the likelihood that is a constraint, with its observed value where the likelihood gives one."""

    entry: dict[str, Any]
    place: Place
    observed: float | None


def read_model(tables: Tables, likelihood: Entry, analysis: Entry | None) -> Hs3Model:
    """The model of one likelihood, with starts and bounds of an analysis.

    Raises:
        InvalidFile: naming file, JSON path, value and expectation.
    """
    values = _point(tables, analysis)
    channels: list[ReadChannel] = []
    counts: list[float] = []
    measured: list[_Measured] = []
    for entry, place, given, at in _pairs(tables, likelihood):
        kind = entry["type"]
        if given is None:
            measured.append(_Measured(entry, place, None))
        elif kind == "histfactory_dist":
            channels.append(read_channel(entry, place))
            counts += _counts(tables, given, at, channels[-1].channel.bins)
        elif kind == "poisson_dist":
            channels.append(_counting(tables, entry, place, values))
            counts.append(_count(take_single(tables, given, at), at))
        else:
            measured.append(_Measured(entry, place, take_single(tables, given, at)))
    measured += _implicit(tables, likelihood)
    if not channels:
        likelihood[1].refuse(f"holds no {' and no '.join(_MAIN)}; one at least is needed")
    for channel in channels:
        measured += [_named_constraint(tables, name, place) for name, place in channel.constraints]
    names = {theirs: ours for channel in channels for theirs, ours in channel.names.items()}
    built = tuple(channel.channel for channel in channels)
    nuisances = {n.parameter.name: n for n in collect_nuisances(built, {}, {})}
    terms = _terms(tables, measured, names, values)
    for term in (term for channel in channels for term in channel.terms):
        nominal = values.get(f"nom_{term.parameter}")
        terms.setdefault(names[term.parameter], (term, 1.0 if nominal is None else nominal.value))
    auxiliary = {o: Auxiliary(o, term.kind, term.width, observed) for o, (term, observed) in terms.items()}
    for theirs, ours in names.items():
        default = nuisances[ours].measurement
        if ours not in auxiliary and default is not None and f"nom_{theirs}" in values:
            auxiliary[ours] = dataclasses.replace(default, observed=values[f"nom_{theirs}"].value)
    settings = _settings(tables, analysis, values, names, nuisances, auxiliary)
    poi, more = _poi(analysis, names)
    notices = [notice for channel in channels for notice in channel.notices]
    return Hs3Model(built, tuple(counts), settings, auxiliary, names, poi, (*notices, *more))


# Which distributions, and their data ------------------------------------------------------------------------------


def _pairs(tables: Tables, likelihood: Entry) -> Iterator[tuple[dict[str, Any], Place, Any, Place]]:
    """Distributions of a likelihood with what they are judged on; None for constraints inside a product with data."""
    entry, place = likelihood
    names = take_array(entry["distributions"], place / "distributions")
    given = take_array(entry.get("data", []), place / "data", empty=True)
    if len(given) != len(names):
        (place / "data").refuse(f"has {len(given)} entries for {len(names)} distributions; give one for each")
    for i, (name, datum) in enumerate(zip(names, given, strict=True)):
        found, at = referenced(tables.distributions, name, place / "distributions" / i, "distribution")
        if datum is None:
            (place / "data" / i).refuse("null should be the name of a data set, or a number")
        if found["type"] != "product_dist":
            yield found, at, datum, place / "data" / i
            continue
        factors = list(_factors(tables, found, at))
        main = [factor for factor in factors if factor[0]["type"] == "histfactory_dist"]
        if len(main) != 1:
            (at / "factors").refuse(f"holds {len(main)} histfactory_dist; a product with data holds one")
        yield *main[0], datum, place / "data" / i
        yield from ((*constraint, None, constraint[1]) for constraint in factors if constraint is not main[0])


def _factors(tables: Tables, product: dict[str, Any], place: Place, above: tuple[str, ...] = ()) -> Iterator[Entry]:
    if product["name"] in above:
        place.refuse(f"{product['name']!r} is a factor of itself")
    for i, name in enumerate(take_array(product["factors"], place / "factors")):
        entry, at = referenced(tables.distributions, name, place / "factors" / i, "distribution")
        if entry["type"] == "product_dist":
            yield from _factors(tables, entry, at, (*above, product["name"]))
        else:
            yield entry, at


def _implicit(tables: Tables, likelihood: Entry) -> Iterator[_Measured]:
    """Constraints of a likelihood whose observed values are constants of the parameter point."""
    entry, place = likelihood
    for i, name in enumerate(take_array(entry.get("aux_distributions", []), place / "aux_distributions", empty=True)):
        where = place / "aux_distributions" / i
        found, at = referenced(tables.distributions, name, where, "distribution")
        for one, spot in _factors(tables, found, at) if found["type"] == "product_dist" else ((found, at),):
            if one["type"] == "histfactory_dist":
                where.refuse(f"{one['name']!r} is a histfactory_dist, which has data; name it in 'distributions'")
            yield _Measured(one, spot, None)


def _named_constraint(tables: Tables, name: str, place: Place) -> _Measured:
    entry, at = referenced(tables.distributions, name, place / "constraint_name", "distribution")
    if entry["type"] not in ("gaussian_dist", "poisson_dist"):
        (place / "constraint_name").refuse(f"{name!r} is a {entry['type']}, no constraint of one parameter")
    return _Measured(entry, at, None)


def _counts(tables: Tables, given: Any, place: Place, bins: int) -> list[float]:
    entry, at = referenced(tables.data, given, place, "data")
    if entry["type"] != "binned":
        (at / "type").refuse(
            f"data of type {entry['type']!r} cannot be judged by a histfactory_dist; expected 'binned'"
        )
    contents = take_contents(entry, at)
    if len(contents) != bins:
        (at / "contents").refuse(f"has {len(contents)} entries, expected {bins}")
    return [_count(n, at / "contents" / i) for i, n in enumerate(contents)]


def _count(number: float, place: Place) -> float:
    return number if number >= 0 else place.refuse(f"{number:g} is a negative count")


def _counting(tables: Tables, entry: dict[str, Any], place: Place, values: Mapping[str, _Value]) -> ReadChannel:
    """A Poisson count, whose mean is a product of parameters and constants, as a channel of one bin."""
    factors, scale = _product(tables, entry["mean"], place / "mean", values)
    if not factors:
        (place / "mean").refuse("is a constant; a count that depends on no parameter says nothing")
    sample = TemplateSample(entry["name"], [scale], modifiers=[NormFactor(name) for name in factors])
    return ReadChannel(Channel(entry["name"], [sample]), {name: name for name in factors})


def _product(
    tables: Tables, given: Any, place: Place, values: Mapping[str, _Value], above: tuple[str, ...] = ()
) -> tuple[list[str], float]:
    """Parameters and constant of a number, a parameter, or a product of such."""
    if not isinstance(given, str):
        return [], take_number(given, place)
    if given not in tables.functions:
        value = values.get(take_text(given, place))
        return ([], value.value) if value is not None and value.const else ([given], 1.0)
    if given in above:
        place.refuse(f"{given!r} is a factor of itself")
    entry, at = tables.functions[given]
    factors, scale = [], 1.0
    for i, factor in enumerate(take_array(entry["factors"], at / "factors")):
        inner, constant = _product(tables, factor, at / "factors" / i, values, (*above, given))
        factors += inner
        scale *= constant
    return factors, scale


# Constraints ------------------------------------------------------------------------------------------------------


def _terms(
    tables: Tables, measured: list[_Measured], names: Mapping[str, str], values: Mapping[str, _Value]
) -> dict[str, tuple[Term, float]]:
    """Explicit constraints by parameter of the model, each with its observed value."""
    found: dict[str, tuple[Term, float]] = {}
    sources: dict[str, _Measured] = {}
    for one in measured:
        read = _gaussian if one.entry["type"] == "gaussian_dist" else functools.partial(_poisson, tables)
        term, observed = read(one, names, values)
        ours = names[term.parameter]
        if ours in sources and sources[ours].entry["name"] != one.entry["name"]:
            first = sources[ours].place.path
            one.place.refuse(f"parameter {term.parameter!r} is constrained here and in {first}; keep one")
        found[ours], sources[ours] = (term, observed), one
    return found


def _gaussian(one: _Measured, names: Mapping[str, str], values: Mapping[str, _Value]) -> tuple[Term, float]:
    entry, place = one.entry, one.place
    sigma = _constant(entry["sigma"], place / "sigma", values)
    if sigma <= 0:
        (place / "sigma").refuse(f"{sigma:g} should be above 0")
    if one.observed is not None:
        return Term(_known(entry["mean"], place / "mean", names), "gaussian", sigma), one.observed
    sides = [side for side in ("x", "mean") if isinstance(entry[side], str) and entry[side] in names]
    if len(sides) != 1:
        place.refuse(f"x = {entry['x']!r} and mean = {entry['mean']!r}: one of them should be a parameter of a channel")
    other = "mean" if sides == ["x"] else "x"
    observed = _constant(entry[other], place / other, values)
    return Term(entry[sides[0]], "gaussian", sigma), observed


def _poisson(
    tables: Tables, one: _Measured, names: Mapping[str, str], values: Mapping[str, _Value]
) -> tuple[Term, float]:
    entry, place = one.entry, one.place
    factors, tau = _product(tables, entry["mean"], place / "mean", values)
    if len(factors) != 1 or tau <= 0:
        (place / "mean").refuse("a Poisson constraint has the mean parameter x tau with a constant tau above 0")
    return Term(_known(factors[0], place / "mean", names), "poisson", tau), _constant(entry["x"], place / "x", values)


def _constant(given: Any, place: Place, values: Mapping[str, _Value]) -> float:
    if not isinstance(given, str):
        return take_number(given, place)
    if given not in values:
        place.refuse(f"{given!r} has no value in the parameter point; add it there, or write a number")
    return values[given].value


def _known(given: Any, place: Place, names: Mapping[str, str]) -> str:
    if not isinstance(given, str) or given not in names:
        place.refuse(f"{given!r} is no parameter of a channel; {near_names(str(given), list(names))}")
    return given


# Parameters -------------------------------------------------------------------------------------------------------


def _point(tables: Tables, analysis: Entry | None) -> dict[str, _Value]:
    """Values of the parameter point: that of the analysis, else ``default_values``, else the first."""
    if analysis is not None and "init" in analysis[0]:
        entry, place = referenced(tables.points, analysis[0]["init"], analysis[1] / "init", "parameter point")
    elif tables.points:
        entry, place = tables.points.get("default_values") or next(iter(tables.points.values()))
    else:
        return {}
    found: dict[str, _Value] = {}
    for i, item in enumerate(take_array(entry["parameters"], place / "parameters", empty=True)):
        at = place / "parameters" / i
        take_object(item, at, ("name", "value"), ("const", "nbins"))
        const = item.get("const", False)
        if not isinstance(const, bool):
            (at / "const").refuse(f"{const!r} should be true or false")
        name = take_text(item["name"], at / "name")
        if name in found:
            (at / "name").refuse(f"{name!r} is already set in {found[name].place.path}; remove one")
        found[name] = _Value(take_number(item["value"], at / "value"), const, at)
    return found


def _bounds(tables: Tables, analysis: Entry | None) -> dict[str, tuple[float, float, Place]]:
    """Bounds from the domains of the analysis, else from all domains."""
    names: list[Any] = list(tables.domains)
    place = tables.root
    if analysis is not None and ("domains" in analysis[0] or "domain" in analysis[0]):
        key = "domains" if "domains" in analysis[0] else "domain"
        given, place = analysis[0][key], analysis[1] / key
        names = take_array(given, place) if key == "domains" else [given]
    found: dict[str, tuple[float, float, Place]] = {}
    for name in names:
        entry, at = referenced(tables.domains, name, place, "domain")
        for i, axis in enumerate(take_array(entry["axes"], at / "axes", empty=True)):
            where = at / "axes" / i
            take_object(axis, where, ("name",), ("min", "max", "nbins"))
            low = take_number(axis["min"], where / "min") if "min" in axis else -np.inf
            high = take_number(axis["max"], where / "max") if "max" in axis else np.inf
            if low > high:
                where.refuse(f"min {low:g} exceeds max {high:g}; swap them")
            found[take_text(axis["name"], where / "name")] = low, high, where
    return found


def _settings(
    tables: Tables,
    analysis: Entry | None,
    values: Mapping[str, _Value],
    names: Mapping[str, str],
    nuisances: Mapping[str, Any],
    auxiliary: Mapping[str, Auxiliary],
) -> dict[str, Parameter]:
    bounds = _bounds(tables, analysis)
    found: dict[str, Parameter] = {}
    for theirs, ours in names.items():
        if theirs not in values and theirs not in bounds:
            continue
        usual = nuisances[ours].parameter
        low, high, place = bounds.get(theirs, (usual.lower, usual.upper, tables.root))
        term = auxiliary.get(ours, nuisances[ours].measurement)
        if term is not None and term.kind == "poisson":
            low = max(low, usual.lower)  # at exactly 0 a Poisson term has no logarithm
        value = values.get(theirs)
        start = usual.start if value is None else value.value
        if not low <= start <= high:
            spot = place if value is None else value.place
            spot.refuse(f"the start {start:g} of {theirs!r} lies outside [{low:g}, {high:g}]; change one of them")
        fixed = usual.fixed or (value is not None and value.const)
        found[ours] = Parameter(ours, start, lower=low, upper=high, fixed=fixed)
    return found


def _poi(analysis: Entry | None, names: Mapping[str, str]) -> tuple[str | None, list[str]]:
    if analysis is None:
        return None, []
    entry, place = analysis
    notices = [f"{place / 'prior'}: priors are not read"] if "prior" in entry else []
    at = place / "parameters_of_interest"
    given = take_array(entry.get("parameters_of_interest", []), at, empty=True)
    for i, name in enumerate(given):
        _known(name, at / i, names)
    if len(given) > 1:
        notices.append(f"{at}: {len(given)} parameters of interest; the first, {given[0]!r}, is used")
    return (names[given[0]] if given else None), notices
