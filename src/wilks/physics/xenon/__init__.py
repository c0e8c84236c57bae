# Face of the xenon wing: sources of recoils in a dual-phase xenon TPC.
from .er import ERSource as ERSource
from .nr import NRSource as NRSource
from .presets import PRESETS as PRESETS
from .source import AbstractXenonSource as AbstractXenonSource
from .splitting import safe_probability as safe_probability
