"""The runtime's settings: 64 bit, one thread, a private cache; no network, no files, no filters at import."""

import os
import subprocess
import sys

import jax.numpy as jnp
import jaxlib
import pytest

from wilks._base import runtime


def run(program, **environment):
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("JAX_", "WILKS_", "XLA_"))}
    done = subprocess.run(
        [sys.executable, "-c", program], env={**clean, **environment}, capture_output=True, text=True, timeout=120
    )
    return done.stdout.strip(), done.stderr


def test_double_precision_is_on():
    assert jnp.zeros(()).dtype == jnp.float64


def test_single_precision_asked_for_is_an_error_not_overridden():
    _, errors = run("import wilks._base.runtime", JAX_ENABLE_X64="0")
    assert "unset JAX_ENABLE_X64" in errors


def test_threads_are_pinned_unless_the_user_chose():
    program = "import os, wilks._base.runtime as r; print(r.threads_pinned, os.environ.get('XLA_FLAGS'))"
    pinned, _ = run(program)
    assert pinned.startswith("True")
    assert "intra_op_parallelism_threads=1" in pinned
    assert run(program, WILKS_THREADS="4")[0] == "True None"


def test_what_xla_is_told_is_what_it_reads():
    # nothing after the word without dashes reaches XLA, and an unknown word would stop the process
    told = runtime.flags().split()
    assert told[-1] == "intra_op_parallelism_threads=1"
    assert ("--xla_cpu_use_fusion_emitters=false" in told) == jaxlib.__version__.startswith("0.10.")
    refused, errors = run("import os; os.environ['XLA_FLAGS'] = '--xla_no_such_word=1'; import jax; jax.numpy.zeros(1)")
    assert (refused, "xla_no_such_word" in errors) == ("", True)
    out, _ = run("import wilks._base.runtime, jax; print(jax.jit(lambda x: x + 1)(1.0))")
    assert out == "2.0"


def test_threads_that_cannot_be_pinned_any_more_are_known():
    out, _ = run("import jax; jax.numpy.zeros(1); import wilks._base.runtime as r; print(r.threads_pinned)")
    assert out == "False"


def test_the_compile_cache_is_private_and_can_be_switched_off(tmp_path):
    program = "import jax, wilks._base.runtime; print(jax.config.jax_compilation_cache_dir)"
    assert run(program, WILKS_CACHE="off")[0] == "None"
    ours = tmp_path / "cache"
    assert run(program, WILKS_CACHE=str(ours))[0] == str(ours)
    assert ours.stat().st_mode & 0o777 == 0o700
    assert run(program, JAX_COMPILATION_CACHE_DIR=str(tmp_path / "theirs"))[0] == str(tmp_path / "theirs")


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")
def test_a_cache_that_others_can_write_is_not_used(tmp_path):
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    program = "import jax, wilks._base.runtime; print(jax.config.jax_compilation_cache_dir)"
    out, errors = run(program, WILKS_CACHE=str(shared))
    assert out == "None"
    assert "chmod 700" in errors


def test_the_cache_directory_follows_the_environment(monkeypatch):
    monkeypatch.setenv("WILKS_CACHE", "/somewhere/else")
    assert str(runtime.cache_directory()) == "/somewhere/else"
    monkeypatch.delenv("WILKS_CACHE")
    assert runtime.cache_directory().name == "compiled"


def test_importing_wilks_writes_nothing_and_opens_no_connection(tmp_path):
    program = (
        "import socket, sys\n"
        "def refuse(*a, **k): raise RuntimeError('network')\n"
        "socket.socket.connect = refuse\n"
        "import wilks\n"
        "print('fine')"
    )
    out, errors = run(program, HOME=str(tmp_path), XDG_CACHE_HOME=str(tmp_path / "c"))
    assert out == "fine", errors
    assert list(tmp_path.iterdir()) == []


def test_traced_programs_are_kept_where_compiled_ones_are_in_private(tmp_path):
    program = "from wilks._base import runtime; print(runtime.program_directory())"
    assert run(program, WILKS_CACHE=str(tmp_path / "cache"))[0] == str(tmp_path / "cache" / "traced")
    assert run(program, WILKS_CACHE="off")[0] == "None"
    assert run(program, JAX_COMPILATION_CACHE_DIR=str(tmp_path / "theirs"))[0] == "None"
