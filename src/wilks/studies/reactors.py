"""The reactor antineutrino anomaly: integrated rates and fuel evolution under five flux models."""

from collections.abc import Sequence
from pathlib import Path

from wilks._base.errors import check_option
from wilks.inference.fitting import fit
from wilks.physics.oscillation.flux import FLUXES, flux_model, with_free_scales
from wilks.physics.oscillation.rate_table import BLOCKS, MODERN, SHORT_BASELINE, all_rows
from wilks.physics.oscillation.rates import reactor_rates
from wilks.physics.oscillation.spaces import PLANE, SINE

from .anomaly.analysis import judge
from .anomaly.question import Question
from .measurement import Findings
from .study import Effort, StudyReport

SELECTIONS: dict[str, tuple[str, ...]] = {
    "all": tuple(BLOCKS),
    "short-baseline": SHORT_BASELINE,
    "modern": MODERN,
}
"""Blocks of rates by name of the selection."""


def reactors(
    *,
    flux: str = "HM",
    selection: str = "all",
    folder: Path | None = None,
    exact: bool = False,
    nodes: int = 40,
    effort: Effort | None = None,
) -> StudyReport:
    """Do reactors emit fewer antineutrinos than expected, and which expectation?

    Args:
        flux: flux model to look at closely; averages are given for all.
        selection: "all", "short-baseline" or "modern" rates.
        folder: folder ``fluxes`` of GLoBESfit with spectra of HKSS and EF; those of HM stand in for them by default.
        exact: region by Feldman and Cousins.
        nodes: tested nodes per axis of the plane.
        effort: toys per node, seed, processes.

    Raises:
        InvalidOption: for an unknown flux model or selection.
    """
    check_option("flux model", flux, FLUXES)
    check_option("selection of rates", selection, SELECTIONS)
    blocks = SELECTIONS[selection]
    question = Question(
        name="reactors",
        title="Rates of reactor antineutrinos, measured and expected",
        introduction=_INTRODUCTION,
        assumption="flux model",
        chosen=flux,
        experiments={name: reactor_rates(name, blocks=blocks, folder=folder) for name in FLUXES},
        points=_points(blocks),
    )

    def more(findings: Findings) -> None:
        """Yields of U235 and Pu239 that the rates themselves ask for."""
        free = reactor_rates(with_free_scales(flux_model("HM")), blocks=blocks)
        space = free.likelihood.space
        none = space.fix({SINE: 0.0, PLANE[1]: space[PLANE[1]].start})
        findings.add("free_yields", lambda: fit(free.likelihood, free.data, space=none, throw=False))

    return judge(question, exact=exact, nodes=nodes, more=more, effort=effort)


def _points(blocks: Sequence[str]) -> tuple[str, ...]:
    rows = all_rows()
    return tuple(rows[number].name for number in sorted(n for block in blocks for n in BLOCKS[block]))


_INTRODUCTION = (
    "Reactor experiments have measured the rate of inverse beta decay at distances from 7 to 1100 m, and two have "
    "followed it while the fuel burned. Each rate is divided by what a model of the flux predicts without any "
    "oscillation; known oscillations of three neutrinos lower the expectation beyond 300 m.\n\n"
    "The yields of the four isotopes have common uncertainties. As a further result the yields of U235 and Pu239 are "
    "left free: where they come out tells which isotope is overestimated."
)
