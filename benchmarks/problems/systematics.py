"""Problem b: 50 bins, one signal on two backgrounds, 15 normalisation and 15 shape systematics."""

from typing import Any, NamedTuple

import numpy as np

NUISANCES = 15  # of each kind
NORMS = tuple(f"norm_{i:02d}" for i in range(NUISANCES))
SHAPES = tuple(f"shape_{j:02d}" for j in range(NUISANCES))
PULLS = NORMS + SHAPES
"""Nuisance parameters in the order of the toys' auxiliary data."""

STRENGTH = "mu"
_SAMPLES = ("signal", "falling", "flat")


class Systematics(NamedTuple):
    """The numbers that define the model; rows of ``up`` and ``down`` are differences from the nominal template."""

    templates: np.ndarray
    low: np.ndarray
    high: np.ndarray
    up: np.ndarray
    down: np.ndarray

    @property
    def norm_sample(self) -> np.ndarray:
        """Which sample each normalisation systematic scales."""
        return np.arange(NUISANCES) % 3

    @property
    def shape_sample(self) -> np.ndarray:
        """Which sample each shape systematic bends."""
        return 1 + np.arange(NUISANCES) % 2


def systematics() -> Systematics:
    """Build the model; random numbers in the order all low, all high, then amplitude, phase, up, down per shape."""
    centres = (np.arange(50) + 0.5) / 50
    templates = np.stack(
        [6 * np.exp(-0.5 * ((centres - 0.6) / 0.08) ** 2), 120 * np.exp(-2 * centres), np.full(50, 30.0)]
    )
    generator = np.random.default_rng(2)
    low = 1 - generator.uniform(0.01, 0.08, NUISANCES)
    high = 1 + generator.uniform(0.01, 0.08, NUISANCES)
    up, down = np.zeros((NUISANCES, 50)), np.zeros((NUISANCES, 50))
    for j in range(NUISANCES):
        amplitude, phase = generator.uniform(0.01, 0.05), generator.uniform(0, 6)
        bend = templates[1 + j % 2] * amplitude * np.cos((j // 2 + 1) * np.pi * centres + phase)
        up[j], down[j] = bend * generator.uniform(0.8, 1.2), -bend * generator.uniform(0.8, 1.2)
    return Systematics(templates, low, high, up, down)


def toys(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Counts at strength 1 and auxiliary data of ``n`` toys; a longer study begins with the toys of a shorter one."""
    expected = systematics().templates.sum(axis=0)
    generator = np.random.default_rng(3)
    drawn = [(generator.poisson(expected), generator.standard_normal(2 * NUISANCES)) for _ in range(n)]
    return np.stack([counts for counts, _ in drawn]).astype(float), np.stack([pulls for _, pulls in drawn])


def workspace() -> dict[str, Any]:
    """The model in HistFactory's JSON, observed: the first toy's counts, auxiliary data at zero."""
    model = systematics()
    modifiers: list[list[dict[str, Any]]] = [[{"name": STRENGTH, "type": "normfactor", "data": None}], [], []]
    for i, name in enumerate(NORMS):
        data = {"hi": float(model.high[i]), "lo": float(model.low[i])}
        modifiers[model.norm_sample[i]].append({"name": name, "type": "normsys", "data": data})
    for j, name in enumerate(SHAPES):
        sample = model.shape_sample[j]
        nominal = model.templates[sample]
        data = {"hi_data": (nominal + model.up[j]).tolist(), "lo_data": (nominal + model.down[j]).tolist()}
        modifiers[sample].append({"name": name, "type": "histosys", "data": data})
    samples = [
        {"name": name, "data": template.tolist(), "modifiers": effects}
        for name, template, effects in zip(_SAMPLES, model.templates, modifiers, strict=True)
    ]
    parameters: list[dict[str, Any]] = [{"name": STRENGTH, "inits": [1.0], "bounds": [[0.0, 10.0]]}]
    parameters += [{"name": name, "bounds": [[-5.0, 5.0]]} for name in PULLS]
    return {
        "channels": [{"name": "main", "samples": samples}],
        "observations": [{"name": "main", "data": toys(1)[0][0].tolist()}],
        "measurements": [{"name": "fit", "config": {"poi": STRENGTH, "parameters": parameters}}],
        "version": "1.0.0",
    }
