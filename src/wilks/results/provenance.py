"""Where a result comes from: versions, platform, settings, seed and digests; never a user's or a machine's name."""

import functools
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from typing import Any

from .fields import conform_record, plain

_PACKAGES = ("wilks", "jax", "jaxlib", "numpy", "scipy", "iminuit")


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """Everything needed to say how a number was made.

    Args:
        versions: package -> version, with ``python`` among them.
        platform: operating system and processor kind, e.g. ``Linux x86_64``.
        device: kind of device that computed, e.g. ``cpu``.
        precision: e.g. ``float64``.
        threads: thread setting, as set in the environment.
        seed: seed of all random numbers; None if none were drawn.
        model_digest: SHA-256 of the model, empty if unknown.
        data_digest: SHA-256 of the data, empty if unknown.
        settings: options of the procedure, as plain JSON values.
        started: start time, UTC, ISO 8601.
        duration_s: wall time in seconds.
        command: command line, empty for library calls.
    """

    versions: dict[str, str]
    platform: str
    device: str
    precision: str
    threads: str
    seed: int | None
    model_digest: str
    data_digest: str
    settings: dict[str, Any]
    started: str
    duration_s: float
    command: str

    def __post_init__(self) -> None:
        conform_record(self)

    @classmethod
    def collect(
        cls,
        *,
        seed: int | None = None,
        model_digest: str = "",
        data_digest: str = "",
        settings: Mapping[str, Any] | None = None,
        started: str | None = None,
        duration_s: float = 0.0,
        command: str = "",
    ) -> "Provenance":
        """Provenance of a run in this process.

        Args:
            seed: seed of all random numbers.
            model_digest: SHA-256 of the model.
            data_digest: SHA-256 of the data.
            settings: options of the procedure; ``device`` and ``precision`` among them name what computed
                (default ``cpu``, ``float64``).
            started: start time as ISO 8601; now if not given.
            duration_s: wall time in seconds.
            command: command line.
        """
        options: dict[str, Any] = plain(dict(settings or {}))
        return cls(
            versions=dict(_versions()),
            platform=f"{platform.system()} {platform.machine()}",
            device=str(options.get("device", "cpu")),
            precision=str(options.get("precision", "float64")),
            threads=_threads(),
            seed=seed,
            model_digest=model_digest,
            data_digest=data_digest,
            settings=options,
            started=started or datetime.now(UTC).isoformat(timespec="seconds"),
            duration_s=duration_s,
            command=command,
        )


@functools.cache
def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return versions


def _threads() -> str:
    if "WILKS_THREADS" in os.environ:
        return f"WILKS_THREADS={os.environ['WILKS_THREADS']}"
    if "intra_op_parallelism_threads=1" in os.environ.get("XLA_FLAGS", ""):
        return "1 per process"
    return "not pinned"
