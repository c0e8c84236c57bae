# Face of the collider's typed figures; each table carries its citation.
from .official_extended import OFFICIAL_EXTENDED as OFFICIAL_EXTENDED
from .official_low import OFFICIAL_LOW as OFFICIAL_LOW
from .sample_figures import SAMPLES_2020 as SAMPLES_2020
from .sample_figures import SampleFigures as SampleFigures
from .template_table import TemplateTable as TemplateTable
from .tutorial import RECONSTRUCTED as RECONSTRUCTED
from .tutorial import TUTORIAL as TUTORIAL
from .tutorial import ReconstructedTemplates as ReconstructedTemplates
