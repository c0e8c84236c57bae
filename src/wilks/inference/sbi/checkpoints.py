"""Checkpoints of training: the state every 30 seconds, atomically, the last two kept; only equal settings resume."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np

from wilks._base.digests import digest
from wilks._base.errors import InvalidFile, InvalidOption
from wilks._base.notices import notice
from wilks._base.typing import Key

from .leaves import arrays_of, filled, read_arrays, write_arrays
from .pairs import Pairs
from .training_record import TrainingRecord

_KEPT = 2


def identity_of(stage: str, key: Key, pairs: str, **settings: Any) -> dict[str, Any]:
    """What decides a training run: a run that differs in any of it does not resume.

    Args:
        stage: what is trained.
        key: random key of the training.
        pairs: digest of all that it learns from.
        settings: texts and numbers as they are, everything else by its print.
    """
    plain = {n: v if isinstance(v, (str, int, float, list)) else repr(v) for n, v in settings.items()}
    versions = {"jax": jax.__version__, "numpy": np.__version__}
    words = np.asarray(jax.random.key_data(key)).tolist()
    return {"stage": stage, "key": words, "pairs": pairs, **plain, "versions": versions}


def digest_of_pairs(pairs: Pairs, weights: Any = None) -> str:
    """Digest of parameters, data, status and weights of pairs."""
    return digest((pairs.theta, dict(pairs.data), pairs.status, weights))


@dataclass(frozen=True)
class Checkpoints:
    """A folder of training states.

    Args:
        folder: where segment files stand; made when the first is written.
        identity: everything that decides the result (settings, digests, key words, versions), as JSON values; a run
            with another identity does not resume.
        every_s: seconds between two files.
    """

    folder: Path
    identity: Mapping[str, Any]
    every_s: float = 30.0

    def latest(self, state: Any) -> tuple[Any, TrainingRecord] | None:
        """The newest whole state, in the form of the given one; None where nothing is stored.

        Raises:
            InvalidOption: if the stored run has other settings, naming each difference.
        """
        for path in reversed(self._files()):
            try:
                arrays, header = read_arrays(path)
            except InvalidFile as error:  # killed while writing: the one before is whole
                notice(f"{error}; the checkpoint before it is used")
                continue
            self._refuse_other(header.get("identity", {}), path)
            return filled(state, arrays, str(path)), TrainingRecord.from_plain(header["record"])
        return None

    def write(self, state: Any, record: TrainingRecord) -> None:
        """Add a state and drop all but the last two."""
        path = self.folder / f"segment-{record.done:09d}.npz"
        write_arrays(path, arrays_of(state), {"identity": dict(self.identity), "record": record.plain()})
        for old in self._files()[:-_KEPT]:
            old.unlink(missing_ok=True)

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob("segment-*.npz")) if self.folder.is_dir() else []

    def _refuse_other(self, stored: Mapping[str, Any], path: Path) -> None:
        names = sorted(set(stored) | set(self.identity))
        other = [
            f"{name}: stored {stored.get(name)!r}, asked for {self.identity.get(name)!r}"
            for name in names
            if stored.get(name) != self.identity.get(name)
        ]
        if other:
            raise InvalidOption(
                f"{path} belongs to another run: {'; '.join(other)}. Take the same settings, or another store"
            )
