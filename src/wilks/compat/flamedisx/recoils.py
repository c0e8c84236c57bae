"""Sources of recoils in liquid xenon with the interface of flamedisx: users override their model functions."""

import abc
import sys
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float

from wilks._base.errors import InvalidData, InvalidModel
from wilks._base.notices import notice
from wilks._base.typing import Key
from wilks.data.events import Events
from wilks.model.sources import AbstractEventSource
from wilks.physics.xenon.er import ERSource as NativeER
from wilks.physics.xenon.evaluation import Evaluator
from wilks.physics.xenon.nr import NRSource as NativeNR
from wilks.physics.xenon.settings import ATTRIBUTES
from wilks.physics.xenon.signatures import HIDDEN
from wilks.physics.xenon.source import AbstractXenonSource
from wilks.physics.xenon.spatial_source import SpatialRateERSource as NativeSpatialER
from wilks.physics.xenon.spatial_source import SpatialRateNRSource as NativeSpatialNR
from wilks.physics.xenon.wimp_source import WIMPSource as NativeWIMP

from .configuration import configuration_text
from .settings import adopt, extended, refuse_blocks, settings_of
from .source import AbstractSource

_OF_WIMPS = ("pretend_wimps_dont_modulate", "mw", "sigma_nucleon", "exposure_tonneyear", "n_time_bins", "energy_edges")


class AbstractRecoilSource(AbstractSource):
    """Recoils. To change the physics, subclass `ERSource` or `NRSource` and override model functions.

    A model function is a number, or a static method: positional arguments name event columns (the first one of some
    functions is a hidden variable), arguments with defaults are parameters. It is written with ``jax.numpy``, with
    numpy, or with ``fd.tf``.
    """

    native_class: ClassVar[type[AbstractXenonSource]]

    def __init_subclass__(cls, native: type[AbstractXenonSource] | None = None, **options: Any) -> None:
        super().__init_subclass__(**options)
        refuse_blocks(cls)
        if native is not None:
            cls.native_class = native
            cls.model_functions = native.model_function_names
            cls.special_model_functions = tuple(name for name in cls.model_functions if name in HIDDEN)
            cls.model_attributes = (*ATTRIBUTES, *cls.model_attributes)
            adopt(cls, native)

    @abc.abstractmethod
    def recoils(self, native: Any) -> AbstractXenonSource:
        """The source of recoils inside a source of Wilks."""

    def add_extra_columns(self, data: Any) -> None:
        """Put columns derived from others into a frame; none by default."""

    def draw(self, native: Any, key: Key, n: Any, values: Mapping[str, float], fix: Any) -> Events:
        """Events of a source of Wilks that survive out of n trials."""
        return native.draw(key, n, values, fix)

    def annotated(self, native: Any, events: Events) -> Events:
        """Events with best guesses and ranges of quanta and energies."""
        return self.recoils(native).annotate(events, self.max_sigma)

    @property
    def f_dims(self) -> dict[str, list[str]]:
        """Event columns of every model function."""
        model = self.recoils(self.native).model
        return {name: list(model.columns((name,))) for name in self.model_functions}

    @property
    def f_params(self) -> dict[str, list[str]]:
        """Parameters of every model function."""
        functions = {f.name: list(f.parameters) for f in self.recoils(self.native).model.functions}
        return {name: functions.get(name, []) for name in self.model_functions}

    def gimme_numpy(self, fname: str, bonus_arg: Any = None) -> Float[np.ndarray, " events"]:
        """A model function at every event of the data and the defaults of its parameters.

        Args:
            fname: the function.
            bonus_arg: values of its hidden variable.
        """
        if self._events is None:
            raise InvalidData(f"this {type(self).__name__} has no data; call set_data(events)")
        source = self.recoils(self.native)
        table = source.with_extra_columns(self._events)
        columns = {name: np.asarray(table[name], dtype=float) for name in ("s1", "s2", *source.model.columns())}
        hidden = None if bonus_arg is None else np.asarray(bonus_arg, dtype=float)
        return Evaluator(source.model, source, self.defaults)(fname, columns, hidden)

    def print_config(
        self, format: str = "table", column_widths: tuple[int, int] = (40, 20), omit: tuple[str, ...] = ()
    ) -> None:
        """Print parameters, constants and attributes.

        Args:
            format: ``"table"``, or ``"config"`` for lines that a configuration file may hold.
            column_widths: of the table.
            omit: names that are left out.
        """
        constants = {name: float(x) for name, x in self.recoils(self.native).model.constants.items()}
        attributes = {name: getattr(self, name) for name in self.model_attributes}
        sys.stdout.write(configuration_text(format, self.defaults, constants, attributes, column_widths, omit))

    def response_class(self) -> type[AbstractXenonSource]:
        """The class of recoils, with the user's extra columns."""
        own = type(self).add_extra_columns is not AbstractRecoilSource.add_extra_columns
        return extended(self.native_class, self) if own else self.native_class

    def response_settings(self, settings: Mapping[str, Any], without: tuple[str, ...] = ()) -> dict[str, Any]:
        """Settings of the recoils; attributes that a user's class adds are not among them."""
        strange = {*self.model_attributes, *without} - set(ATTRIBUTES)
        given = {name: value for name, value in settings.items() if name not in strange}
        return settings_of(self, given, self.model_functions)


class ERSource(AbstractRecoilSource, native=NativeER):
    """Electronic recoils, by default flat up to 10 keV.

    ``preset`` chooses the selection: "2.1.0" (default), "1.4" or "tutorial".
    """

    def make(self, settings: Mapping[str, Any]) -> AbstractEventSource:
        """The source of Wilks."""
        return self.response_class()(**self.response_settings(settings))

    def recoils(self, native: Any) -> AbstractXenonSource:
        """The source itself."""
        return native


class NRSource(AbstractRecoilSource, native=NativeNR):
    """Nuclear recoils, by default flat from 0.7 to 150 keV."""

    def make(self, settings: Mapping[str, Any]) -> AbstractEventSource:
        """The source of Wilks."""
        return self.response_class()(**self.response_settings(settings))

    def recoils(self, native: Any) -> AbstractXenonSource:
        """The source itself."""
        return native


class SpatialRateERSource(AbstractRecoilSource, native=NativeER):
    """Electronic recoils in proportion to ``spatial_hist``, a histogram over (r, theta, z) or (x, y, z)."""

    model_attributes = ("spatial_hist",)
    spatial_hist: Any = None

    def make(self, settings: Mapping[str, Any]) -> AbstractEventSource:
        """The source of Wilks."""
        own = self.response_settings(settings, _replaced_by_positions(self))
        return NativeSpatialER(self.spatial_hist, response=self.response_class(), **own)

    def recoils(self, native: Any) -> AbstractXenonSource:
        """The recoils without the histogram."""
        return native.response


class SpatialRateNRSource(AbstractRecoilSource, native=NativeNR):
    """Nuclear recoils in proportion to ``spatial_hist``, a histogram over (r, theta, z) or (x, y, z)."""

    model_attributes = ("spatial_hist",)
    spatial_hist: Any = None

    def make(self, settings: Mapping[str, Any]) -> AbstractEventSource:
        """The source of Wilks."""
        own = self.response_settings(settings, _replaced_by_positions(self))
        return NativeSpatialNR(self.spatial_hist, response=self.response_class(), **own)

    def recoils(self, native: Any) -> AbstractXenonSource:
        """The recoils without the histogram."""
        return native.response


class WIMPSource(AbstractRecoilSource, native=NativeNR):
    """WIMPs of mass ``mw`` GeV and cross section ``sigma_nucleon`` cm^2 in ``exposure_tonneyear``."""

    model_attributes = _OF_WIMPS
    pretend_wimps_dont_modulate: bool = False
    mw: float = 1e3
    sigma_nucleon: float = 1e-45
    exposure_tonneyear: float = 1.0
    n_time_bins: int = 24
    energy_edges: Any = np.geomspace(0.7, 50, 100)

    def make(self, settings: Mapping[str, Any]) -> AbstractEventSource:
        """The source of Wilks, with the right normalisation of the halo."""
        notice(
            "WIMPSource: rates are 3 % above those of wimprates 0.5.0, whose velocity distribution integrates to "
            "0.970; wilks.physics.xenon.Halo(normalisation='wimprates-0.5') gives the old ones"
        )
        own = {name: value for name, value in self.response_settings(settings).items() if name not in _SPECTRUM}
        of_wimps = {name: settings.get(name, getattr(self, name)) for name in _OF_WIMPS}
        return NativeWIMP(**of_wimps, response=self.response_class(), **own)

    def recoils(self, native: Any) -> AbstractXenonSource:
        """The recoils of the mean spectrum."""
        return native.response


_SPECTRUM = ("energies", "rates_vs_energy")


def _replaced_by_positions(face: Any) -> tuple[str, ...]:
    if face.spatial_hist is None:
        raise InvalidModel(
            f"{type(face).__name__} has no spatial_hist; give it, as keyword or in the class: a histogram over "
            "(r, theta, z) or (x, y, z)"
        )
    return ("spatial_hist",)
