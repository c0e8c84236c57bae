# Face of the four-lepton Higgs study: one function per mode.
from .official_tables import official as official
