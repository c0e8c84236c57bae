"""Pairs as networks see them: coordinates of the parameters, summarised and scaled data, and what was left out."""

from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float32

from wilks._base.errors import InvalidData, InvalidOption
from wilks._base.typing import Key
from wilks.execution.progress import Progress
from wilks.likelihood.interface import AbstractSimulator
from wilks.parameters.space import ParameterSpace

from .blocks import Layout
from .coordinates import AbstractCoordinate, to_network
from .embeddings import AbstractEncoderFamily, automatic, scaled_layout
from .estimator import Preparation, prepare_rows
from .pairs import Pairs
from .scaling import constant_features, fit_scaling
from .simulation import simulate_pairs
from .summaries import AbstractSummary, summarise_rows
from .training import FEWEST_PAIRS

Encoder: TypeAlias = AbstractEncoderFamily | AbstractSummary | str
"""Settings of an encoder, a fixed summary after which one is chosen, or ``"auto"``."""


class Prepared(NamedTuple):
    """Data as networks see them.

    Args:
        x: scaled data by block, one row per valid pair.
        preparation: what was done to the data.
        family: settings of the encoder that suits them.
        dropped: features that never vary and were left out.
    """

    x: dict[str, np.ndarray]
    preparation: Preparation
    family: AbstractEncoderFamily
    dropped: list[str]


class Inputs(NamedTuple):
    """Rows for the training loop.

    Args:
        y: coordinates of the parameters.
        x: scaled data by block.
        preparation: what was done to the data.
        family: settings of the encoder that suits them.
        layout: shapes of the raw blocks.
        flags: name -> sentence.
    """

    y: Float32[np.ndarray, "pairs size"]
    x: dict[str, np.ndarray]
    preparation: Preparation
    family: AbstractEncoderFamily
    layout: Layout
    flags: dict[str, str]

    @property
    def scaled_layout(self) -> Layout:
        """Shapes of the scaled blocks."""
        return scaled_layout(self.x)


def gather_pairs(
    key: Key,
    simulator: AbstractSimulator,
    space: ParameterSpace,
    pairs: int | Pairs | str | Path,
    *,
    executor: Any = None,
    store: str | Path | None = None,
    progress: Progress | None = None,
    allow_invalid: bool = False,
) -> Pairs:
    """Pairs from a number of simulations to make, a folder, or as they are.

    Raises:
        InvalidOption: for anything else.
    """
    if isinstance(pairs, Pairs):
        return pairs
    if isinstance(pairs, (int, np.integer)):
        folder = None if store is None else Path(store) / "pairs"
        return simulate_pairs(
            key, simulator, space, int(pairs), executor=executor, store=folder, progress=progress,
            allow_invalid=allow_invalid,
        )  # fmt: skip
    if isinstance(pairs, Path) or (isinstance(pairs, str) and Path(pairs).exists()):
        return Pairs.load(pairs)
    raise InvalidOption(f"pairs {pairs!r}; give a number, Pairs, or the folder of saved pairs")


def prepare_data(pairs: Pairs, encoder: Encoder, scale: str, switches: tuple[str, ...] = ()) -> Prepared:
    """Data of the valid pairs, summarised and scaled by their own spread.

    Args:
        pairs: simulations; those that failed are left out.
        encoder: settings of an encoder, a fixed summary, or ``"auto"``.
        scale: see `fit_scaling`.
        switches: blocks that stand beside a summary, as it knows nothing of them.

    Raises:
        InvalidData: for fewer than 100 valid pairs, or data that never vary.
        InvalidOption: for an encoder that is none.
    """
    valid = pairs.valid
    if len(valid) < FEWEST_PAIRS:
        raise InvalidData(
            f"{len(valid)} of {len(pairs)} pairs are valid; at least {FEWEST_PAIRS} are needed, 10,000 are usual"
        )
    summary = encoder if isinstance(encoder, AbstractSummary) else None
    raw = dict(valid.data)
    blocks = raw
    if summary is not None:
        own = {name: block for name, block in raw.items() if name not in switches}
        blocks = {"summary": np.asarray(summarise_rows(summary, own)), **{name: raw[name] for name in switches}}
    scalings = fit_scaling(blocks, scale)
    preparation = Preparation(summary, scalings, () if summary is None else switches)
    scaled = prepare_rows(Preparation(None, scalings), blocks)  # summarised once
    x = {name: np.asarray(block) for name, block in scaled.items()}
    dropped = constant_features(scalings, {name: block.shape[1:] for name, block in blocks.items()})
    return Prepared(x, preparation, _family(encoder, scaled_layout(x)), dropped)


def prepare_inputs(pairs: Pairs, coordinate: AbstractCoordinate, encoder: Encoder, scale: str) -> Inputs:
    """Valid pairs in single precision: coordinates of the parameters, and data as `prepare_data` brings them.

    Raises:
        InvalidData, InvalidOption: as there.
    """
    x, preparation, family, dropped = prepare_data(pairs, encoder, scale)
    flags = {"constant_features": f"left out, as they never vary: {', '.join(dropped)}"} if dropped else {}
    columns = jnp.asarray(pairs.valid.columns(coordinate.space.names))
    y = np.asarray(to_network(coordinate, columns), np.float32)
    return Inputs(y, x, preparation, family, pairs.valid.layout, {**pairs.flags, **flags})


def _family(encoder: Encoder, layout: Layout) -> AbstractEncoderFamily:
    if isinstance(encoder, AbstractEncoderFamily):
        return encoder
    if not isinstance(encoder, AbstractSummary) and encoder != "auto":
        raise InvalidOption(f"encoder {encoder!r}; give 'auto', an encoder such as Mlp(), or a fixed summary")
    return automatic(layout)
