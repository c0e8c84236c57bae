"""Commands on files: validate, plot, report."""

import json
import subprocess
import sys

import pytest


@pytest.fixture
def saved_toys(wilks, workspace, tmp_path):
    wilks("toys", workspace, "--toys", "60", "--output", tmp_path / "out", "--quiet")
    return tmp_path / "out" / "toys.npz"


def test_validate_accepts_workspaces_and_results(wilks, workspace, saved_toys):
    assert "valid HistFactory workspace" in wilks("validate", workspace).out
    assert "class Toys" in wilks("validate", saved_toys).out
    assert wilks("validate", workspace, "--json").document["result"]["channels"] == 1


@pytest.mark.parametrize("content", ["{", "[]", '{"channels": []}', '{"a": NaN}', '{"a": 1, "a": 2}'])
def test_validate_refuses_with_code_3(wilks, tmp_path, content):
    path = tmp_path / "bad.json"
    path.write_text(content)
    said = wilks("validate", path)
    assert said.code == 3
    assert "bad.json" in said.err


def test_plot_draws_a_result(wilks, saved_toys, tmp_path):
    said = wilks("plot", saved_toys, "--output", tmp_path / "toys.png")
    assert said.code == 0
    assert (tmp_path / "toys.png").read_bytes().startswith(b"\x89PNG")
    assert wilks("plot", saved_toys, "--output", tmp_path / "toys.xyz").code == 2


def test_report_gathers_results(wilks, saved_toys, tmp_path):
    said = wilks("report", saved_toys, "--output", tmp_path / "report.html", "--title", "My <toys>")
    assert said.code == 0
    text = (tmp_path / "report.html").read_text()
    assert "My &lt;toys&gt;" in text
    assert "<svg" in text


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["validate", "{w}"]])
def test_light_commands_import_neither_jax_nor_scipy_stats_nor_matplotlib(arguments, workspace):
    code = (
        "import sys\nfrom wilks.cli.main import run\n"
        f"try:\n    run({[a.format(w=workspace) for a in arguments]!r})\nexcept SystemExit as e:\n"
        "    heavy = [m for m in ('jax', 'scipy.stats', 'matplotlib') if m in sys.modules]\n"
        "    sys.exit(f'loaded {heavy}' if heavy or e.code else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_plot_does_not_load_jax(saved_toys, tmp_path):
    code = (
        "import sys\nfrom wilks.cli.main import run\n"
        f"try:\n    run(['plot', {str(saved_toys)!r}, '--output', {str(tmp_path / 't.svg')!r}])\n"
        "except SystemExit as e:\n    sys.exit('loaded jax' if 'jax' in sys.modules or e.code else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_command_explains_itself(wilks):
    for command in (
        "run",
        "list",
        "fit",
        "scan",
        "interval",
        "limit",
        "impacts",
        "gof",
        "toys",
        "validate",
        "report",
        "plot",
    ):
        said = wilks(command, "--help")
        assert said.code == 0
        assert "Usage: wilks" in said.out


def test_documents_hold_provenance(wilks, workspace):
    provenance = wilks("fit", workspace, "--json").document["provenance"]
    assert provenance["versions"]["wilks"]
    assert len(provenance["model_digest"].removeprefix("unverifiable-")) == 64
    assert "/" not in json.dumps(provenance["platform"])
