"""Traced programs kept between processes: the same bits, told apart by all that went into them, never a user's own."""

import functools
from collections import OrderedDict, namedtuple
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import wilks
from tests.inference.models import BACKGROUND, OBSERVED, SIGNAL, peak
from wilks._base.runtime import STARTED
from wilks.inference import stored_programs
from wilks.inference.compiled import compiled
from wilks.inference.endpoint import Endpoint
from wilks.inference.quadratic import excess, quadratic
from wilks.likelihood.counts import PoissonCounts
from wilks.likelihood.interface import AbstractLikelihood
from wilks.likelihood.joint import Joint
from wilks.model.linear import LinearTemplates
from wilks.parameters.parameter import Parameter
from wilks.parameters.space import ParameterSpace


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty store, and no sources to read."""
    monkeypatch.setattr(stored_programs, "program_directory", lambda: tmp_path / "traced")
    monkeypatch.setattr(stored_programs, "_sources", lambda: ("as they are",))
    monkeypatch.setattr(stored_programs, "_edited", lambda: False)
    return tmp_path / "traced"


class Traces:
    """A function that counts how often Python runs through it."""

    def __init__(self, function):
        self.function, self.count = function, 0

    def __call__(self, *arguments):
        self.count += 1
        return self.function(*arguments)


def run(function, *arguments, structure="s", name="f", options=()):
    """One process's first call."""
    traces = Traces(function)
    program = jax.jit(lambda *given: stored_programs.traced(name, traces, structure, given, dict(options)))
    return program(*arguments), traces.count


def files(folder):
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def product(x, y):
    return {"b": x @ y, "a": (jnp.sin(x), None)}


def test_a_second_process_does_not_trace_and_gives_the_same_bits(folder):
    x, y = np.linspace(0.1, 2.0, 7), np.linspace(-1.0, 3.0, 7)
    first, traced = run(product, x, y)
    again, traced_again = run(product, x, y)
    assert (traced, traced_again) == (1, 0)
    assert jax.tree.structure(again) == jax.tree.structure(first)
    np.testing.assert_array_equal(again["b"], first["b"])
    np.testing.assert_allclose(first["b"], x @ y, rtol=1e-14)
    np.testing.assert_array_equal(again["a"][0], first["a"][0])
    assert len(files(folder)) == 1
    assert run(product, y, x)[1] == 0  # other numbers


@pytest.mark.parametrize(
    "other",
    [
        {"name": "g"},
        {"structure": "t"},
        {"options": {"together": True}},
        {"arguments": (np.zeros(8), np.zeros(8))},
        {"arguments": (np.zeros(7, dtype=np.int64), np.zeros(7))},
    ],
    ids=["name", "structure", "options", "shapes", "types"],
)
def test_a_program_is_told_apart_by(other, folder):
    run(product, np.zeros(7), np.zeros(7))
    arguments = other.pop("arguments", (np.zeros(7), np.zeros(7)))
    assert run(product, *arguments, **other)[1] == 1
    assert len(files(folder)) == 2


def test_other_sources_and_settings_are_told_apart(folder, monkeypatch):
    run(product, np.zeros(7), np.zeros(7))
    with jax.numpy_dtype_promotion("strict"):
        assert run(product, np.zeros(7), np.zeros(7))[1] == 1
    monkeypatch.setattr(stored_programs, "_sources", lambda: ("changed",))
    assert run(product, np.zeros(7), np.zeros(7))[1] == 1
    assert len(files(folder)) == 3


@pytest.mark.parametrize("content", [b"", b"short", bytes(500)])
def test_a_damaged_file_is_made_anew(folder, content):
    first, _ = run(product, np.ones(7), np.ones(7))
    (name,) = files(folder)
    (folder / name).write_bytes(content)
    again, traced = run(product, np.ones(7), np.ones(7))
    assert traced == 1
    np.testing.assert_array_equal(again["b"], first["b"])
    assert run(product, np.ones(7), np.ones(7))[1] == 0


def test_code_that_is_not_known_is_never_kept(folder):
    class Own:
        pass

    for structure in (lambda x: vars(x), functools.partial(product, Own()), Own(), Own):
        assert run(product, np.ones(7), np.ones(7), structure=structure)[1] == 1
    assert not files(folder)


def test_functions_of_users_are_told_apart_by_what_they_read(folder):
    for slope in (2.0, 3.0):
        assert run(product, np.ones(7), np.ones(7), structure=lambda x, s=slope: s * x)[1] == 1
        assert run(product, np.ones(7), np.ones(7), structure=lambda x, s=slope: s * x)[1] == 0


def test_what_cannot_be_written_still_runs(folder):
    def calls_back(x):
        return jax.pure_callback(np.sin, jax.ShapeDtypeStruct(x.shape, x.dtype), x)

    np.testing.assert_allclose(run(calls_back, np.ones(3))[0], np.sin(1.0), rtol=1e-15)
    assert not files(folder)
    folder.parent.joinpath("traced").write_text("a file where the folder should be")
    np.testing.assert_allclose(run(product, np.ones(3), np.ones(3))[0]["b"], 3.0)


def test_a_full_disk_leaves_nothing_behind(folder, monkeypatch):
    def full(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr(stored_programs.os, "replace", full)
    assert run(product, np.ones(3), np.ones(3))[0]["b"] == 3.0
    assert not files(folder)


def test_results_that_a_file_cannot_hold_are_not_traced_twice(folder):
    Pair = namedtuple("Pair", "a b")
    found, traced = run(lambda x: Pair(x, 2 * x), np.ones(3))
    assert traced == 1
    np.testing.assert_array_equal(found.b, np.full(3, 2.0))
    assert not files(folder)


@pytest.mark.parametrize("impl", ["threefry2x32", "rbg"])
def test_keys_of_random_numbers_draw_the_same(folder, impl):
    keys = jax.random.split(jax.random.key(1, impl=impl), 3)

    def draw(keys, scale):
        return scale * jax.vmap(jax.random.uniform)(keys)

    first, traced = run(draw, keys, 2.0)
    again, traced_again = run(draw, keys, 2.0)
    assert (traced, traced_again) == (1, 0)
    np.testing.assert_array_equal(again, first)
    np.testing.assert_array_equal(first, draw(keys, 2.0))
    other = jax.random.split(jax.random.key(1, impl="rbg" if impl == "threefry2x32" else "threefry2x32"), 3)
    assert run(draw, other, 2.0)[1] == 1


def test_what_is_not_traced_is_not_kept(folder):
    assert stored_programs.traced("f", product, "s", (np.ones(2), np.ones(2)), {})["b"] == 2.0
    assert not files(folder)


def test_nothing_is_kept_once_the_source_was_edited(folder, monkeypatch):
    monkeypatch.setattr(stored_programs, "_edited", lambda: True)  # while the process runs
    assert run(product, np.ones(7), np.ones(7))[1] == 1
    assert not files(folder)
    monkeypatch.undo()
    assert stored_programs._edited() == (newest_source() > STARTED)
    monkeypatch.setattr(stored_programs, "STARTED", newest_source() - 1.0)
    assert stored_programs._sources.__wrapped__() is None
    monkeypatch.setattr(stored_programs, "STARTED", newest_source() + 1.0)
    assert "jax " in " ".join(stored_programs._sources.__wrapped__())


def newest_source():
    paths = Path(wilks.__file__).parent.rglob("*.*")
    return max(path.stat().st_mtime for path in paths if path.parent.name != "__pycache__")


def test_files_that_other_processes_write_or_take_away_do_no_harm(tmp_path, monkeypatch):
    monkeypatch.setattr(stored_programs, "_ROOT", tmp_path)
    (tmp_path / "__pycache__").mkdir()
    for name in ("a.py", "b.npz", "__pycache__/a.cpython-311.pyc.140"):  # bytecode on its way
        (tmp_path / name).touch()
    assert stored_programs._files() == [tmp_path / "a.py", tmp_path / "b.npz"]
    monkeypatch.setattr(stored_programs, "_files", lambda: [tmp_path / "gone.py"])
    assert stored_programs._edited()
    monkeypatch.setattr(stored_programs, "_edited", lambda: False)
    assert stored_programs._sources.__wrapped__() is None


def test_no_store_where_compiled_programs_are_not_kept(monkeypatch):
    monkeypatch.setattr(stored_programs, "program_directory", lambda: None)
    assert run(product, np.ones(7), np.ones(7))[1] == 1


def judged_by(program, likelihood, data):
    return program(likelihood, likelihood.prepare(data), likelihood.space.starts)


def test_a_likelihood_of_ours_is_kept_and_other_templates_share_its_program(folder):
    calls = []

    def program():
        @compiled()
        def value(likelihood, data, theta):
            calls.append(1)
            return tuple(quadratic(likelihood, theta, data, "exact"))

        return value

    first = judged_by(program(), peak(), OBSERVED)
    twin = PoissonCounts(
        LinearTemplates.of(
            {"s": SIGNAL * 1.3, "b": BACKGROUND * 0.9}, parameters={name: peak().space[name] for name in ("s", "b")}
        )
    )
    again, other = judged_by(program(), peak(), OBSERVED), judged_by(program(), twin, OBSERVED)
    for one, two in zip(jax.tree.leaves(first), jax.tree.leaves(again), strict=True):
        np.testing.assert_array_equal(one, two)
    plain = quadratic(twin, jnp.asarray(twin.space.starts), twin.prepare(OBSERVED), "exact")
    np.testing.assert_allclose(other[2], plain.hessian, rtol=1e-13)
    assert len(calls) == 1


def test_results_of_fits_keep_the_order_of_their_parts(folder):
    joint = Joint({"z": peak(), "a": peak()})

    def program():
        @compiled()
        def ends(likelihood, data, theta):
            parts = OrderedDict((name, excess(likelihood.parts[name], theta, data[name])) for name in ("z", "a"))
            nothing = jnp.zeros(0)
            return Endpoint(jnp.sum(theta), theta[0], jnp.eye(2), parts, nothing, nothing > 0)

        return ends

    data = {"z": OBSERVED, "a": OBSERVED + 1}
    first, again = judged_by(program(), joint, data), judged_by(program(), joint, data)
    assert list(first.parts) == list(again.parts) == ["z", "a"]
    assert type(again) is Endpoint
    assert len(files(folder)) == 1


class Squared(AbstractLikelihood):
    """A likelihood of a user's."""

    space: ParameterSpace = ParameterSpace((Parameter("x", 1.0),))

    def log_prob(self, values, data):
        return -((values["x"] - jnp.sum(data)) ** 2)


def test_a_likelihood_of_a_user_is_not_kept(folder):
    @compiled()
    def value(likelihood, data, theta):
        return excess(likelihood, theta, data)

    assert value(Squared(), np.ones(2), np.array([1.0])) == 1.0
    assert not files(folder)
