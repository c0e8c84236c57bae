# Face of the anomaly studies: measured over expected rates under several assumptions, and a sterile neutrino.
from .analysis import judge as judge
from .question import Question as Question
