"""Objects that lack a role are told so; run without type checks, which would speak first."""

import subprocess
import sys

PROGRAM = """
from wilks._base.errors import MissingRole
from wilks.inference.calibration import ByToys
from wilks.inference.coverage import coverage
from wilks.inference.fitting import fit
from wilks.inference.goodness import goodness_of_fit
from wilks.inference.toys import toys
from wilks.likelihood.counts import ChiSquareCounts, PoissonCounts
from wilks.likelihood.joint import Joint
from wilks.model.linear import LinearTemplates

model = LinearTemplates.of({"s": [1.0, 5.0], "b": [9.0, 9.0]})
cost, counts = ChiSquareCounts(model, cost="cnp"), PoissonCounts(model)
values = {"s": 1.0, "b": 1.0}
for call in (
    lambda: fit(model, [9, 14]),
    lambda: Joint({"a": model}),
    lambda: toys(1, cost, cost, values, 10),
    lambda: goodness_of_fit(cost, [9, 14], calibration=ByToys(1, 10)),
    lambda: fit(Joint({"a": counts}), [9, 14]),
):
    try:
        call()
    except Exception as error:
        print(type(error).__name__, "|", error)
"""


def test_missing_roles_are_named():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    cannot_draw = (
        "MissingRole | ChiSquareCounts can judge data but not make them; toys need a simulator (for chi-square"
    )
    assert lines[0].startswith("MissingRole | LinearTemplates cannot judge data; a fit needs a likelihood")
    assert lines[1] == "MissingRole | part 'a' is a LinearTemplates, which cannot judge data"
    assert lines[2].startswith(cannot_draw)
    assert lines[3].startswith(cannot_draw)
    assert lines[4] == "InvalidData | data of a joint are a mapping from part to its data, not a list"
    assert len(lines) == 5
