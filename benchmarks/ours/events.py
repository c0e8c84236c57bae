"""Our side of the rows about events: synthetic files, and one pass of selection and histogram over them."""

from pathlib import Path

from harness.serving import Answer, Work

from wilks.interchange import root
from wilks.physics.collider import events, selection, synthetic
from wilks.physics.collider.samples import atlas_2020
from wilks.physics.collider.tables.tutorial import AXIS
from wilks.physics.collider.templates import Templates, fill

_SAMPLE = "llll"
_LUMINOSITY_FB = 10.0


def write(path: str, n: int) -> Work:
    """Write ``n`` synthetic four-lepton events as a ROOT file, once."""
    sample = atlas_2020()[_SAMPLE]

    def work() -> Answer:
        if not Path(path).exists():
            root.write_events(path, synthetic.stream(1, _SAMPLE, n, sample=sample))
        return {"items": n}

    return work


def filled(path: str) -> Templates:
    """Weighted histogram of the four-lepton mass after the tutorial's cuts."""
    samples, cuts = atlas_2020().select([_SAMPLE]), selection.tutorial()
    columns = cuts.columns | samples[_SAMPLE].weight_columns | events.MASS
    return fill({_SAMPLE: root.events(path, columns)}, samples, cuts, events.mass_4l, AXIS, _LUMINOSITY_FB)


def histogram(path: str, n: int) -> Work:
    """The pass over a file of ``n`` events."""

    def work() -> Answer:
        contents = filled(path).histograms[_SAMPLE].values()
        return {"items": n, "values": contents.tolist(), "scale": contents.tolist()}

    return work


def weight() -> Work:
    """What an event of weight 1 counts at the luminosity of the pass."""
    scale = atlas_2020()[_SAMPLE].normalisation(_LUMINOSITY_FB)
    return lambda: {"items": 1, "values": [scale]}
