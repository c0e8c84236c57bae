"""The template model: expected counts of many channels from samples that scale, shift and morph (HistFactory)."""

from collections.abc import Callable, Mapping, Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from wilks._base.errors import InvalidOption, check_option, near_names
from wilks._base.numerics import along_all
from wilks._base.typing import Scalar, Theta, Values
from wilks.parameters.parameter import Parameter
from wilks.parameters.space import ParameterSpace

from .jacobian import JacobianLayout, product_and_others
from .modifiers import (
    Channel,
    HistoSys,
    Lumi,
    Modifier,
    NormFactor,
    NormSys,
    ShapeFactor,
    ShapeSys,
    StatError,
    check_channels,
)
from .morphing import EVEN_PARTS, FACTOR_CODES, SystematicFactors, TemplateShifts, pick, product
from .nuisances import bin_name, collect_nuisances
from .packing import PackedChannels
from .predictor import AbstractLinearisedPredictor, Auxiliary, TemplateParts

DEFAULT_CODES = {"normsys": "4", "histosys": "4p"}
"""Interpolation codes when nothing else is asked."""


class TemplatePredictor(AbstractLinearisedPredictor):
    """nu_b(theta) = sum over samples of product of factors x (template + sum of shifts).

    Samples stand in slots: slot s of a bin is the s-th sample of the bin's channel, and channels with fewer samples
    are padded with zeros. So the whole model is a few array operations, whatever the number of nuisances.

    >>> from wilks.model.modifiers import Channel, NormFactor, NormSys, TemplateSample
    >>> signal = TemplateSample("signal", [1.0, 5.0], modifiers=[NormFactor("mu")])
    >>> background = TemplateSample("background", [9.0, 9.0], modifiers=[NormSys("scale", hi=1.1, lo=0.9)])
    >>> model = TemplatePredictor.from_channels([Channel("main", [signal, background])])
    >>> model.space.names
    ('mu', 'scale')
    >>> [round(float(n), 6) for n in model({"mu": 2.0, "scale": 1.0})]
    [11.9, 19.9]
    """

    space: ParameterSpace
    bin_names: tuple[tuple[str, int], ...] = eqx.field(static=True)
    auxiliary: tuple[Auxiliary, ...] = eqx.field(static=True)
    nominal: Float[np.ndarray, "slots bins"]
    variances: Float[np.ndarray, "slots bins"]
    simulated: Bool[np.ndarray, "slots bins"]
    channel_of_bin: Int[np.ndarray, " bins"]
    norms: Int[np.ndarray, "norms slots channels"]
    gammas: Int[np.ndarray, "gammas slots bins"]
    systematics: SystematicFactors
    shifts: TemplateShifts
    layout: JacobianLayout
    packed: PackedChannels

    @classmethod
    def from_channels(
        cls,
        channels: Sequence[Channel],
        *,
        parameters: Mapping[str, Parameter] | None = None,
        auxiliary: Mapping[str, Auxiliary] | None = None,
        codes: Mapping[str, str] | None = None,
    ) -> "TemplatePredictor":
        """Build the model; its parameters stand in alphabetical order, bins of one modifier (``NAME[i]``) in theirs.

        Args:
            channels: the regions, in the order of the prediction.
            parameters: start, bounds or fixing of a parameter where they differ from the defaults, by name.
            auxiliary: auxiliary measurements that replace a default constraint or add one, by parameter name;
                a `Lumi` needs one.
            codes: interpolation codes: ``normsys`` 1 or 4 (default), ``histosys`` 0, 2 or 4p (default).

        Raises:
            InvalidModel: for samples and modifiers that do not fit together, naming place and value.
            InvalidOption: for an unknown interpolation code.
            UnknownName: for settings of a parameter that does not exist.
        """
        channels = tuple(channels)
        chosen = _checked_codes(codes or {})
        check_channels(channels)
        nuisances = collect_nuisances(channels, parameters or {}, auxiliary or {})
        space = ParameterSpace(tuple(n.parameter for n in nuisances))
        slots = _Slots(channels, {name: i for i, name in enumerate(space.names)})
        norms, gammas = slots.norms(), slots.gammas()
        systematics = SystematicFactors.build(chosen["normsys"], *slots.systematics())
        shifts = TemplateShifts.build(chosen["histosys"], *slots.shifts())
        return cls(
            space,
            tuple((channel.name, channel.bins) for channel in channels),
            tuple(n.measurement for n in nuisances if n.measurement is not None),
            *slots.templates(),
            np.repeat(np.arange(len(channels)), [channel.bins for channel in channels]),
            norms,
            gammas,
            systematics,
            shifts,
            JacobianLayout.build(len(space), np.concatenate([norms, systematics.index]), gammas, shifts.index),
            PackedChannels.of(channels),
        )

    @property
    def channels(self) -> tuple[Channel, ...]:
        """The channels it was built from."""
        return self.packed.unpack()

    @property
    def sample_names(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Channels in order, each with the names of its samples: the rows of `by_sample`."""
        return self.packed.samples

    @property
    def codes(self) -> dict[str, str]:
        """The interpolation codes in use."""
        return {"normsys": self.systematics.code, "histosys": self.shifts.code}

    def __call__(self, values: Values) -> Float[Array, " bins"]:
        """Expected counts per bin, channel after channel."""
        return jnp.sum(self._rates(self.space.pack(values)), axis=0)

    def by_sample(self, values: Values) -> Float[Array, "slots bins"]:
        """Expected counts of each sample: row s of a channel's bins is its s-th sample, zero where it has fewer."""
        return self._rates(self.space.pack(values))

    def parts(self, values: Values) -> TemplateParts:
        """Expected counts; a sample that was given variances counts as simulated in all its bins."""
        return self._parts(self.space.pack(values))

    def linearised(self, values: Values) -> tuple[Float[Array, " bins"], Float[Array, "parameters bins"]]:
        """Expected counts and their exact derivatives, one row per parameter in the order of ``space``."""
        return self._linearised(self.space.pack(values))

    def bent(self, values: Values, weights: Float[Array, " bins"]) -> Float[Array, "parameters parameters"]:
        """Second derivatives of the sum of expected counts, each times a weight that stays as it is."""
        return self._bent(self.space.pack(values), weights)

    def relative_error(self) -> Float[np.ndarray, " bins"]:
        """sqrt(sum of variances) / sum of templates of the simulated samples; 0 where that sum is not positive."""
        content = np.sum(np.where(self.simulated, self.nominal, 0.0), axis=0)
        error = np.sqrt(np.sum(self.variances, axis=0))
        return np.divide(error, content, out=np.zeros_like(error), where=content > 0)

    @eqx.filter_jit  # one program, not one per operation, when called outside a compiled program
    def _rates(self, theta: Theta) -> Float[Array, "slots bins"]:
        shapes, factors = self._shapes_and_factors(theta)
        return shapes * factors

    @eqx.filter_jit
    def _parts(self, theta: Theta) -> TemplateParts:
        shapes, factors = self._shapes_and_factors(theta)
        rates = shapes * factors
        return TemplateParts(
            exact=jnp.sum(jnp.where(self.simulated, 0.0, rates), axis=0),
            simulated=jnp.sum(jnp.where(self.simulated, rates, 0.0), axis=0),
            variance=jnp.sum(factors**2 * self.variances, axis=0),
        )

    @eqx.filter_jit
    def _linearised(self, theta: Theta) -> tuple[Float[Array, " bins"], Float[Array, "parameters bins"]]:
        extended = _extended(theta)
        scales, scale_slopes = self._scales_and_slopes(extended)
        gammas, other_gammas = product_and_others(pick(extended, self.gammas))
        shapes, scales = jnp.asarray(self.nominal) + self.shifts(extended), self._by_bin(scales)
        norms = self.layout.norm_rows(scale_slopes, shapes * gammas, self.channel_of_bin)
        rows = jnp.concatenate([norms, self.shifts.slopes(extended, scales * gammas)])
        jacobian = self.layout.assemble(rows, self.gammas, other_gammas * (shapes * scales)[None])
        return jnp.sum(shapes * (scales * gammas), axis=0), jacobian

    @eqx.filter_jit
    def _bent(self, theta: Theta, weights: Float[Array, " bins"]) -> Float[Array, "parameters parameters"]:
        per_bin = self.gammas.shape[0] > 0
        total = (lambda at: jnp.sum(self._rates(at) * weights[None])) if per_bin else self._weighted_sum(weights)
        _, push = jax.linearize(jax.grad(total), theta)
        return along_all(push, len(self.space), len(self.space) * self.nominal.size)

    def _weighted_sum(self, weights: Float[Array, " bins"]) -> Callable[[Theta], Scalar]:
        """The sum of expected counts times weights without factors per bin: bins are summed before parameters come."""
        inside = self.channel_of_bin[:, None] == np.arange(self.norms.shape[2])[None, :]
        channels = jnp.where(inside, weights[:, None], 0.0)  # (bins, channels)
        nominal, shifts = jnp.asarray(self.nominal) @ channels, self.shifts.summed(channels)

        def weighted_sum(theta: Theta) -> Scalar:
            extended = _extended(theta)
            scales = product(pick(extended, self.norms)) * self.systematics(extended)
            return jnp.sum(scales * (nominal + shifts(extended)))

        return weighted_sum

    def _scales_and_slopes(
        self, extended: Float[Array, " extended"]
    ) -> tuple[Float[Array, "slots channels"], Float[Array, "factors slots channels"]]:
        """Product of all factors of each sample in each channel, and its derivative by each factor's parameter."""
        factors, slopes = self.systematics.with_slopes(extended)
        scales, others = product_and_others(jnp.concatenate([pick(extended, self.norms), factors]))
        return scales, others * jnp.concatenate([jnp.ones(self.norms.shape), slopes])

    def _shapes_and_factors(self, theta: Theta) -> tuple[Float[Array, "slots bins"], Float[Array, "slots bins"]]:
        """Shifted templates, and the product of all factors: shape deltas first, then factors."""
        extended = _extended(theta)
        scales = product(pick(extended, self.norms)) * self.systematics(extended)
        factors = product(pick(extended, self.gammas)) * self._by_bin(scales)
        return jnp.asarray(self.nominal) + self.shifts(extended), factors

    def _by_bin(self, scales: Float[Array, "slots channels"]) -> Float[Array, "slots bins"]:
        if scales.shape[1] == 1:  # no look-up needed
            return jnp.broadcast_to(scales, self.nominal.shape)
        return jnp.take(scales, self.channel_of_bin, axis=1, mode="clip")


def _extended(theta: Theta) -> Float[Array, " extended"]:
    """Parameters and the 1 that padding points to."""
    return jnp.concatenate([theta, jnp.ones(1)])


def _checked_codes(codes: Mapping[str, str]) -> dict[str, str]:
    for kind in codes:
        if kind not in DEFAULT_CODES:
            raise InvalidOption(f"no interpolation code for {kind!r}; {near_names(kind, DEFAULT_CODES)}")
    chosen = {**DEFAULT_CODES, **codes}
    check_option("normsys code", chosen["normsys"], FACTOR_CODES)
    check_option("histosys code", chosen["histosys"], EVEN_PARTS)
    return chosen


class _Slots:
    """Channels laid out in arrays of sample slots by bins (or channels); padding points past the last parameter."""

    def __init__(self, channels: tuple[Channel, ...], index: Mapping[str, int]) -> None:
        self.channels = channels
        self.index = index
        self.depth = max(len(channel.samples) for channel in channels)
        self.stops = np.cumsum([channel.bins for channel in channels])
        self.bins = int(self.stops[-1])

    def cells(self, place: int) -> slice:
        """The bins of a channel in the prediction."""
        return slice(int(self.stops[place]) - self.channels[place].bins, int(self.stops[place]))

    def templates(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Nominal templates, their variances, and where variances were given."""
        nominal, variances = np.zeros((2, self.depth, self.bins))
        simulated = np.zeros((self.depth, self.bins), dtype=bool)
        for place, channel in enumerate(self.channels):
            for slot, sample in enumerate(channel.samples):
                nominal[slot, self.cells(place)] = sample.values
                if sample.variances is not None:
                    variances[slot, self.cells(place)] = sample.variances
                    simulated[slot, self.cells(place)] = True
        return nominal, variances, simulated

    def norms(self) -> np.ndarray:
        """Parameter of each plain factor of each sample in each channel."""
        found = self._modifiers_of(NormFactor, Lumi)
        norms = np.full((_deepest(found), self.depth, len(self.channels)), len(self.index))
        for (slot, place), modifiers in found.items():
            norms[: len(modifiers), slot, place] = [self.index[m.name] for m in modifiers]
        return norms

    def systematics(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Parameter, up and down factor of each normalisation systematic of each sample in each channel."""
        found = self._modifiers_of(NormSys)
        shape = (_deepest(found), self.depth, len(self.channels))
        index, up, down = np.full(shape, len(self.index)), np.ones(shape), np.ones(shape)
        for (slot, place), modifiers in found.items():
            for i, m in enumerate(modifiers):
                if isinstance(m, NormSys):
                    index[i, slot, place], up[i, slot, place], down[i, slot, place] = self.index[m.name], m.hi, m.lo
        return index, up, down

    def gammas(self) -> np.ndarray:
        """Parameter of each factor per bin of each sample."""
        found = self._modifiers_of(ShapeFactor, ShapeSys, StatError)
        gammas = np.full((_deepest(found), self.depth, self.bins), len(self.index))
        for (slot, place), modifiers in found.items():
            for i, m in enumerate(modifiers):
                names = [bin_name(m.name, b) for b in range(self.channels[place].bins)]
                gammas[i, slot, self.cells(place)] = [self.index[name] for name in names]
        return gammas

    def shifts(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Parameter of each shape systematic, and its up and down differences in every bin of every sample."""
        found = self._modifiers_of(HistoSys)
        names = sorted({m.name for modifiers in found.values() for m in modifiers})
        up, down = np.zeros((2, len(names), self.depth, self.bins))
        for (slot, place), modifiers in found.items():
            values = self.channels[place].samples[slot].values
            for m in modifiers:
                if isinstance(m, HistoSys):
                    up[names.index(m.name), slot, self.cells(place)] = m.hi - values
                    down[names.index(m.name), slot, self.cells(place)] = m.lo - values
        return np.array([self.index[name] for name in names], dtype=int), up, down

    def _modifiers_of(self, *kinds: Callable[..., Modifier]) -> dict[tuple[int, int], list[Modifier]]:
        """Modifiers of some kinds by (slot, channel), where there are any."""
        found = {
            (slot, place): [m for m in sample.modifiers if type(m) in kinds]
            for place, channel in enumerate(self.channels)
            for slot, sample in enumerate(channel.samples)
        }
        return {where: modifiers for where, modifiers in found.items() if modifiers}


def _deepest(found: Mapping[tuple[int, int], list[Modifier]]) -> int:
    return max((len(modifiers) for modifiers in found.values()), default=0)
