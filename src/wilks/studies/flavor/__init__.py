# Face of the flavour study: fit mass matrices to oscillation data, and the model of the worked example.
from .analysis import flavor as flavor
from .models import seed_model as seed_model
