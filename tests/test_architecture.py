"""The house rules that no linter knows: faces, abstract or final classes, files, names, and what an import loads."""

import ast
import dataclasses
import importlib
import inspect
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import equinox as eqx
import pytest

import wilks

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "wilks"
FILES = sorted(SOURCE.rglob("*.py"))
FACES = [path for path in FILES if path.name == "__init__.py"]
CODE = [path for path in FILES if path.name != "__init__.py"]
TEXTS = {path: path.read_text(encoding="utf-8") for path in FILES}
TREES = {path: ast.parse(text) for path, text in TEXTS.items()}
PUBLIC_NAMES = ROOT / "tests" / "reference" / "public_names.txt"

# Packages of the extras: imported only where they are needed, inside a function (see wilks._base.errors.MissingExtra).
OPTIONAL = (
    "arviz_base",
    "awkward",
    "blackjax",
    "boost_histogram",
    "cloudpickle",
    "distributed",
    "emcee",
    "hist",
    "lmfit",
    "mplhep",
    "pandas",
    "pooch",
    "pyhf",
    "uproot",
    "yaml",
)
# Other imports inside functions, each with its reason.
INNER_IMPORTS = {
    "_base/runtime.py": {"jax._src"},  # private: a JAX without it must not break the import
}
# Other exceptions: (file, what it may call), each with its reason.
MAY_CALL = {
    ("_base/runtime.py", "hasattr"),  # os.getuid does not exist on Windows
    ("execution/shipping.py", "pickle.loads"),  # bytes of the parent process, never of a file
}
FORBIDDEN_CALLS = {"eval", "exec", "hasattr", "marshal.load", "pickle.load", "pickle.loads", "print", "yaml.load"}
VAGUE_NAMES = {"common", "helpers", "misc", "tools", "util", "utils"}
NOTES = ("TO" + "DO", "FIX" + "ME", "XX" + "X")  # written apart, so that this file passes its own test

Breaches = Iterator[str]


def place(path, node=None):
    return f"{path.relative_to(SOURCE)}" + (f":{node.lineno}" if node is not None else "")


def module_of(path):
    parts = ("wilks", *path.relative_to(SOURCE).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def package_of(path):
    return module_of(path) if path.name == "__init__.py" else module_of(path).rpartition(".")[0]


def file_of(dotted):
    return SOURCE.parent / Path(*dotted.split("."))


def is_face(dotted):
    return file_of(dotted).is_dir()


def nodes(path, *kinds):
    return (node for node in ast.walk(TREES[path]) if isinstance(node, kinds))


def is_lazy(path):
    """Whether a face resolves its names when they are first used, from the stub beside it."""
    return "_lazy.attach_stub(__name__, __file__)" in TEXTS[path]


def stub_of(path):
    return ast.parse(path.with_suffix(".pyi").read_text(encoding="utf-8"))


def origin_of(path, node):
    """Absolute name of the module of ``from ... import ...``."""
    above = package_of(path).split(".")
    base = above[: len(above) - node.level + 1] if node.level else []
    return ".".join([*base, *([node.module] if node.module else [])])


def names_of(node):
    return [alias.name for alias in node.names]


def run(*command):
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)


def python(program):
    result = run(sys.executable, "-c", program)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def imported_by(path):
    """Modules of the package that a file imports, and the folders on the way to it."""
    parts = module_of(path).split(".")
    found = {".".join(parts[:depth]) for depth in range(1, len(parts))}
    for node in TREES[path].body:
        if isinstance(node, ast.ImportFrom):
            origin = origin_of(path, node)
            found |= {origin, *(f"{origin}.{name}" for name in names_of(node))}
        elif isinstance(node, ast.Import):
            found |= set(names_of(node))
    return found


def test_whoever_uses_jax_makes_its_settings_first():
    """A file that is imported by itself must not compute in single precision."""
    files = {module_of(path): path for path in FILES}
    above = {name: {other for other in imported_by(path) if other in files} for name, path in files.items()}
    uses = [n for n, p in files.items() if re.search(r"^(import jax|from jax)(\.| |$)", TEXTS[p], re.MULTILINE)]
    assert len(uses) > 100

    def reaches(name, seen):
        seen.add(name)
        return name == "wilks._base.runtime" or any(reaches(n, seen) for n in above[name] - seen)

    assert [name for name in uses if not reaches(name, set())] == []


def test_contracts_of_imports_hold():
    command = shutil.which("lint-imports", path=str(Path(sys.executable).parent)) or shutil.which("lint-imports")
    if command is None:
        pytest.skip("import-linter is not installed; it comes with the extra 'dev'")
    result = run(command, "--no-cache")
    assert result.returncode == 0, result.stdout + result.stderr


# --- files


def test_a_file_starts_with_one_sentence_that_says_what_lives_there():
    def breaches() -> Breaches:
        for path in CODE:
            first = (ast.get_docstring(TREES[path]) or "").partition("\n")[0]
            if not TEXTS[path].startswith('"""') or not first.endswith((".", ":")):
                yield place(path)

    assert list(breaches()) == []


def test_a_file_holds_one_idea():
    assert [place(path) for path in FILES if len(TEXTS[path].splitlines()) > 400] == []
    assert [place(path) for path in FILES if path.stem in VAGUE_NAMES or path.parent.name in VAGUE_NAMES] == []


def test_a_face_only_re_exports():
    def breaches() -> Breaches:
        for path in FACES:
            lines = TEXTS[path].splitlines()
            if len(lines) >= 40 or (lines and not lines[0].startswith(("#", '"""'))):
                yield f"{place(path)}: 40 lines or more, or no first line that says whose face it is"
            body = stub_of(path).body if is_lazy(path) else TREES[path].body
            for node in body if path.parent != SOURCE else ():
                docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
                re_export = isinstance(node, ast.ImportFrom) and all(a.asname == a.name for a in node.names)
                if not docstring and not re_export:
                    yield f"{place(path, node)}: a face holds `from .file import X as X` only"

    assert list(breaches()) == []


def test_a_lazy_face_hides_none_of_its_names_behind_a_file():
    """A file that has the name of a function would take its place in the folder as soon as it is imported."""

    def breaches() -> Breaches:
        for path in FACES:
            for node in stub_of(path).body if is_lazy(path) else ():
                if isinstance(node, ast.ImportFrom) and node.module:
                    yield from (n for n in names_of(node) if (path.parent / f"{n}.py").is_file())

    assert list(breaches()) == []


def test_the_top_face_defines_its_version_and_nothing_else():
    body = TREES[SOURCE / "__init__.py"].body
    targets = {ast.unparse(target) for node in body if isinstance(node, ast.Assign) for target in node.targets}
    assert targets == {"__version__", "(__getattr__, __dir__, __all__)"}
    assert {type(node) for node in body} == {ast.Import, ast.Assign}


# --- imports


def test_names_come_from_the_file_that_defines_them():
    def breaches() -> Breaches:
        for path in CODE:
            for node in nodes(path, ast.ImportFrom):
                origin = origin_of(path, node)
                if origin.partition(".")[0] != "wilks" or not is_face(origin):
                    continue
                for name in names_of(node):
                    inner = file_of(f"{origin}.{name}")
                    is_module = inner.is_dir() or inner.with_suffix(".py").is_file()
                    if not is_module and (origin, name) != ("wilks", "__version__"):
                        yield f"{place(path, node)}: {name} comes through the face of {origin}"

    assert list(breaches()) == []


def test_imports_are_relative_within_a_folder_and_absolute_across():
    def breaches() -> Breaches:
        for path in CODE:
            for node in nodes(path, ast.ImportFrom):
                parent, _, name = origin_of(path, node).rpartition(".")
                if node.level > 1:
                    yield f"{place(path, node)}: climbs up by dots"
                if node.level == 0 and parent == package_of(path):
                    yield f"{place(path, node)}: write `from .{name}`"

    assert list(breaches()) == []


def test_no_star_and_no_type_checking_imports():
    def breaches() -> Breaches:
        for path in FILES:
            for node in nodes(path, ast.ImportFrom):
                if {"*", "TYPE_CHECKING"} & set(names_of(node)):
                    yield place(path, node)
            for node in nodes(path, ast.Attribute):
                if node.attr == "TYPE_CHECKING":
                    yield place(path, node)

    assert list(breaches()) == []


def test_imports_stand_at_the_top_unless_a_package_is_optional():
    def breaches() -> Breaches:
        for path in CODE:
            allowed = {*OPTIONAL, *INNER_IMPORTS.get(place(path), ())}
            for function in nodes(path, ast.FunctionDef, ast.AsyncFunctionDef):
                for node in ast.walk(function):
                    modules = names_of(node) if isinstance(node, ast.Import) else []
                    modules += [origin_of(path, node)] if isinstance(node, ast.ImportFrom) else []
                    for module in modules:
                        if not {module, module.partition(".")[0]} & allowed:
                            yield f"{place(path, node)}: {module} inside {function.name}"

    assert list(breaches()) == []


# --- what has no place in the code


def test_nothing_forbidden_is_called_or_raised():
    def breaches() -> Breaches:
        for path in CODE:
            for node in nodes(path, ast.Raise):
                if node.exc is not None and "NotImplementedError" in ast.unparse(node.exc):
                    yield f"{place(path, node)}: NotImplementedError"
            for node in nodes(path, ast.Call):
                called = ast.unparse(node.func)
                printing = called == "print" and path.parent.name == "cli"  # only the command line prints
                if called in FORBIDDEN_CALLS and not printing and (place(path), called) not in MAY_CALL:
                    yield f"{place(path, node)}: {called}"
                for keyword in node.keywords:
                    if keyword.arg == "allow_pickle" and ast.unparse(keyword.value) != "False":
                        yield f"{place(path, node)}: allow_pickle"

    assert list(breaches()) == []


def test_nothing_looks_like_a_test_and_no_work_is_left_as_a_note():
    def breaches() -> Breaches:
        for path in CODE:
            for node in nodes(path, ast.FunctionDef, ast.ClassDef):
                if node.name.lower().startswith("test"):
                    yield f"{place(path, node)}: pytest would collect {node.name}"
            if path.stem.startswith("test") or any(note in TEXTS[path] for note in NOTES):
                yield place(path)

    assert list(breaches()) == []


# --- classes


def classes():
    for path in CODE:
        module = importlib.import_module(module_of(path))
        for _, cls in inspect.getmembers(module, inspect.isclass):
            exempt = issubclass(cls, BaseException) or getattr(cls, "_is_protocol", False)
            if cls.__module__ == module.__name__ and not exempt:  # errors form a tree; a protocol is a type
                yield cls


def our_bases(cls):
    return [base for base in cls.__mro__[1:] if base.__module__.partition(".")[0] == "wilks"]


def is_abstract(cls):
    open_fields = getattr(cls, "__abstractvars__", ()) or getattr(cls, "__abstractclassvars__", ())
    return inspect.isabstract(cls) or bool(open_fields)


def test_classes_are_abstract_or_final():
    def breaches() -> Breaches:
        for cls in classes():
            if cls.__name__.lstrip("_").startswith("Abstract") != is_abstract(cls):
                yield f"{cls.__name__}: 'Abstract' in the name and open promises go together"
            for base in our_bases(cls):
                if not is_abstract(base):
                    yield f"{cls.__name__} inherits from the final class {base.__name__}; compose"

    assert list(breaches()) == []


def test_an_implemented_method_is_never_overridden():
    operators = {"__call__", "__getitem__", "__or__", "__add__", "__len__", "__iter__"}

    def breaches() -> Breaches:
        for cls in classes():
            for name in vars(cls):
                if name.startswith("__") and name not in operators:
                    continue  # constructors, prints, and what dataclasses write themselves
                for base in our_bases(cls):
                    implemented = name in vars(base) and callable(getattr(base, name))
                    if implemented and name not in getattr(base, "__abstractmethods__", ()):
                        yield f"{cls.__name__}.{name} overrides {base.__name__}.{name}"

    assert list(breaches()) == []


def test_public_dataclasses_are_frozen():
    plain = [cls for cls in classes() if dataclasses.is_dataclass(cls) and not issubclass(cls, eqx.Module)]
    assert len(plain) > 10, "the search finds too few classes to be trusted"
    assert [c.__name__ for c in plain if not c.__dataclass_params__.frozen and not c.__name__.startswith("_")] == []


# --- the public face, and what it loads


def public_names():
    stub = stub_of(SOURCE / "__init__.py")
    return sorted(alias.asname or alias.name for n in stub.body if isinstance(n, ast.ImportFrom) for alias in n.names)


def test_public_names_are_the_frozen_list():
    frozen = PUBLIC_NAMES.read_text(encoding="utf-8").split()
    message = f"the public names changed: update {PUBLIC_NAMES.relative_to(ROOT)} and say so in changelog.d/"
    assert public_names() == frozen, message


@pytest.mark.parametrize("name", public_names())
def test_every_public_name_resolves(name):
    assert getattr(wilks, name) is not None
    assert name in dir(wilks)


def test_importing_wilks_loads_no_jax_and_leaves_warnings_alone():
    program = (
        "import sys, warnings; before = list(warnings.filters); import wilks; "
        "heavy = {'jax', 'scipy', 'matplotlib', 'equinox'} & set(sys.modules); "
        "print(sorted(heavy), warnings.filters == before)"
    )
    assert python(program) == "[] True"


@pytest.mark.parametrize("package", ["results", "data", "plots"])
def test_results_data_and_plots_load_without_jax(package):
    modules = [module_of(path) for path in FILES if path.relative_to(SOURCE).parts[0] == package]
    assert len(modules) > 1
    program = f"import sys; sys.modules['jax'] = None; import {', '.join(modules)}; print('loaded')"
    assert python(program) == "loaded"


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_of_the_command_line_loads_nothing_heavy(option):
    if not (SOURCE / "cli" / "main.py").is_file():
        pytest.skip("the command line is not written yet")
    program = (
        "import contextlib, io, sys\n"
        "from wilks.cli.main import run\n"
        f"sys.argv = ['wilks', {option!r}]\n"
        "with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):\n"
        "    run()\n"
        "print(sorted({'jax', 'scipy.stats', 'matplotlib'} & set(sys.modules)))"
    )
    assert python(program) == "[]"
