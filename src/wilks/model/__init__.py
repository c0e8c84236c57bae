# Face of the models: from parameters to predictions.
from .predictor import AbstractPredictor as AbstractPredictor
