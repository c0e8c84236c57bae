"""Every script in examples/, and the Python of the README, runs from beginning to end in a process of its own."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


def run_script(path, folder):
    environment = {**os.environ, "MPLBACKEND": "Agg"}  # figures without a screen
    result = subprocess.run(
        [sys.executable, str(path)], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.mark.parametrize("script", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs(script, tmp_path, request):
    if "WILKS_TEST_DATA" in script.read_text(encoding="utf-8"):
        request.getfixturevalue("shared_data")  # skips, saying which folder is missing
    assert run_script(script, tmp_path).strip(), "an example shows what it found"


def test_the_python_of_the_readme_runs(tmp_path):
    blocks = re.findall(r"^```python\n(.*?)^```", (ROOT / "README.md").read_text(encoding="utf-8"), re.M | re.S)
    script = tmp_path / "readme.py"
    script.write_text("\n".join(blocks), encoding="utf-8")
    assert "signal" in run_script(script, tmp_path)
    assert (tmp_path / "fit.svg").stat().st_size > 1000
