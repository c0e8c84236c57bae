# Face of the four-lepton Higgs study: one function per mode.
from .cms_tables import cms as cms
from .event_files import events as events
from .joint_fit import joint as joint
from .official_tables import official as official
from .tutorial_report import tutorial as tutorial
