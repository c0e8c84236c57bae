"""Settings of the runtime, made once before any array exists: 64 bit, one thread, quick compilation, private cache."""

import os
import stat
import time
import warnings
from pathlib import Path

import jax
import platformdirs
from jaxlib.version import __version__ as _JAXLIB

STARTED = time.time()
"""When this process began to load Wilks, in seconds of the system's clock."""

_SINGLE_THREAD_FLAGS = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"  # the second word ends all

# XLA's older way to make kernels, of loops that are not unrolled: programs of many small ones compile in half the time
# and run as fast.
_QUICK_COMPILATION = (
    "--xla_cpu_use_fusion_emitters=false --xla_backend_extra_options=xla_cpu_disable_loop_unrolling=true"
)
_KNOWN_TO = ("0.10.",)  # versions of jaxlib; others might refuse to start over a word that they do not know

RUN_ONCE = {"xla_backend_optimization_level": 0}
"""``compiler_options`` of a program that runs once where others run often: it compiles in a third of the time, and runs
half as fast. LLVM's own optimisations, which it goes without, take two thirds of a compilation."""


def _enable_double_precision() -> None:
    if os.environ.get("JAX_ENABLE_X64", "").strip().lower() in {"0", "false", "no", "off"}:
        raise RuntimeError("JAX_ENABLE_X64=0 is set, but Wilks works in double precision; unset JAX_ENABLE_X64")
    jax.config.update("jax_enable_x64", True)


def _backend_is_running() -> bool:
    from jax._src import xla_bridge  # the only place that knows; absent in a future JAX means "cannot tell"

    return bool(xla_bridge._backends)


def flags() -> str:
    """What XLA is told where the user says nothing: one thread, and quick compilation where it is known."""
    quick = [_QUICK_COMPILATION] if _JAXLIB.startswith(_KNOWN_TO) else []
    return " ".join([*quick, _SINGLE_THREAD_FLAGS])


def _pin_threads() -> bool:
    """Pin XLA to one thread unless the user chose; returns whether the setting can still take effect."""
    if "XLA_FLAGS" in os.environ or "WILKS_THREADS" in os.environ:
        return True
    if _backend_is_running():
        return False
    os.environ["XLA_FLAGS"] = flags()
    return True


def cache_directory() -> Path:
    """The private directory of compiled programs (``WILKS_CACHE`` overrides it; ``WILKS_CACHE=off`` disables it)."""
    chosen = os.environ.get("WILKS_CACHE")
    return Path(chosen) if chosen else Path(platformdirs.user_cache_dir("wilks", "wilks")) / "compiled"


def _enable_compile_cache() -> bool:
    """Keep compiled programs between processes, in a directory that nobody else can write; returns whether it is so."""
    off = os.environ.get("WILKS_CACHE", "").strip().lower() == "off"
    if off or jax.config.jax_compilation_cache_dir is not None:
        return False
    directory = cache_directory()
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        owner = directory.stat()
        ours = not hasattr(os, "getuid") or owner.st_uid == os.getuid()
        shared = bool(owner.st_mode & (stat.S_IWGRP | stat.S_IWOTH))
    except OSError:
        return False  # a read-only home: compile every time
    if not ours or shared:  # a cache that others can write is code execution
        warnings.warn(
            f"compile cache {directory} is writable by others or not ours; it is not used (chmod 700 it)", stacklevel=2
        )
        return False
    jax.config.update("jax_compilation_cache_dir", str(directory))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    return True


def program_directory() -> Path | None:
    """The directory of traced programs beside the compiled ones; None unless those are kept in a private directory."""
    private = cache_is_private and jax.config.jax_compilation_cache_dir == str(cache_directory())
    return cache_directory() / "traced" if private else None


def _run_where_called() -> None:
    """Run programs in the thread that calls them, unless the user chose: a change of threads takes longer than most."""
    if "JAX_CPU_ENABLE_ASYNC_DISPATCH" not in os.environ and not _backend_is_running():
        jax.config.update("jax_cpu_enable_async_dispatch", False)


threads_pinned: bool = _pin_threads()
_run_where_called()
_enable_double_precision()
cache_is_private: bool = _enable_compile_cache()
