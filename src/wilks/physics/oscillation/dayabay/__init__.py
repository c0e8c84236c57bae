"""The full analysis of Daya Bay, taken apart: prediction, covariance, likelihood and simulators of 3158 days."""

from .analysis import DayaBayAnalysis as DayaBayAnalysis
from .analysis import analyse as analyse
from .analysis import daya_bay as daya_bay
from .choices import Choices as Choices
from .summary import DataSummary as DataSummary
from .summary import summary_table as summary_table
