# Face of the xenon wing: sources of events in a dual-phase xenon TPC.
from .column_source import ColumnSource as ColumnSource
from .er import ERSource as ERSource
from .halo import Halo as Halo
from .nr import NRSource as NRSource
from .presets import PRESETS as PRESETS
from .reservoir import make_event_reservoir as make_event_reservoir
from .reservoir import reservoir_sources as reservoir_sources
from .source import AbstractXenonSource as AbstractXenonSource
from .spatial_source import SpatialRateERSource as SpatialRateERSource
from .spatial_source import SpatialRateNRSource as SpatialRateNRSource
from .splitting import safe_probability as safe_probability
from .template import Template as Template
from .template_source import MultiTemplateSource as MultiTemplateSource
from .template_source import TemplateSource as TemplateSource
from .variable_energy import VariableEnergySource as VariableEnergySource
from .wimp_source import WIMPSource as WIMPSource
from .wimps import wimp_rate as wimp_rate
