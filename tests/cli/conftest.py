"""A command line inside the test's process, and small workspaces to feed it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from wilks.cli.main import run

README_MODEL = {
    "channels": [
        {
            "name": "SR",
            "samples": [
                {
                    "name": "signal",
                    "data": [12.0, 11.0],
                    "modifiers": [{"name": "mu", "type": "normfactor", "data": None}],
                },
                {
                    "name": "background",
                    "data": [50.0, 52.0],
                    "modifiers": [{"name": "uncorr", "type": "shapesys", "data": [3.0, 7.0]}],
                },
            ],
        }
    ],
    "observations": [{"name": "SR", "data": [51.0, 48.0]}],
    "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
    "version": "1.0.0",
}
"""The two-bin model of pyhf's documentation (collider reference 8.3)."""


class Said(NamedTuple):
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict:
        """Standard output as the one JSON document that it must be."""
        return json.loads(self.out)


@pytest.fixture
def wilks(capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Call ``wilks ARGUMENTS`` and collect exit code and both streams."""

    def call(*arguments: object) -> Said:
        capsys.readouterr()
        with pytest.raises(SystemExit) as exit_:
            run([str(a) for a in arguments])
        streams = capsys.readouterr()
        code = exit_.value.code
        return Said(code if isinstance(code, int) else 1, streams.out, streams.err)

    return call


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """The README model as a file."""
    path = tmp_path / "workspace.json"
    path.write_text(json.dumps(README_MODEL))
    return path
