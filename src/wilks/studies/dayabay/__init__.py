# Face of the Daya Bay study: theta_13 and the atmospheric splitting from 3158 days of data.
from .analysis import dayabay as dayabay
