"""One virtual environment per peer, made on first use from its file of requirements and reused later."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
"""The folder that all imports of the benchmarks start from."""

ONE_THREAD = {
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
    "JAX_PLATFORMS": "cpu",
    **{f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "NUMBA")},
}
"""Environment variables under which every side runs."""


def default_directory() -> Path:
    """Where environments are kept unless the user says otherwise."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "wilks-benchmarks"


def interpreter(peer: str, directory: Path) -> Path:
    """Python of a peer's environment, which is made if it is absent or its requirements have changed."""
    requirements = (ROOT / "peers" / f"{peer}.txt").read_text()
    home = directory / peer
    stamp, python = home / "requirements-installed.txt", home / "bin" / "python"
    if not (stamp.is_file() and stamp.read_text() == requirements and python.exists()):
        print(f"making the environment of {peer} in {home} ...", file=sys.stderr, flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(home)], check=True)
        subprocess.run(
            [str(python), "-m", "pip", "install", "--quiet", "-r", str(ROOT / "peers" / f"{peer}.txt")], check=True
        )
        stamp.write_text(requirements)  # last, so that an interrupted installation is made again
    return python


def versions(python: Path | str, packages: tuple[str, ...]) -> dict[str, str]:
    """Versions of packages in an environment; what it does not hold is left out."""
    code = (
        "import importlib.metadata as m, json, sys\n"
        "found = {d.metadata['Name'].lower(): d.version for d in m.distributions()}\n"
        "print(json.dumps({n: found[n] for n in sys.argv[1:] if n in found}))"
    )
    printed = subprocess.run([str(python), "-c", code, *packages], check=True, capture_output=True, text=True).stdout
    return dict(json.loads(printed))
