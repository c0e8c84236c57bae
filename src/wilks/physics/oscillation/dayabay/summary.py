"""The data in one table: candidates, days, efficiency and backgrounds of every detector, by period or in total."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from wilks._base.errors import check_option
from wilks.results.text import Summary, as_html, as_text

from .analysis import DayaBayAnalysis
from .assembly import background_events
from .constants import CITATION, SECONDS_PER_DAY
from .layout import BACKGROUNDS


@dataclass(frozen=True, eq=False)
class DataSummary:
    """Counts, days and rates per spectrum; prints itself.

    Args:
        spectra: names, such as ``AD11 6AD``, or ``AD11``.
        candidates: events in all 240 fine bins that belong to a final bin.
        live_days: live time in days.
        efficiency: effective over live time: muon veto and multiplicity cut.
        background_rates: accidentals, lithium_helium, fast_neutrons, amc, alpha_neutron per effective day.
        rate: candidates less backgrounds per effective day.
    """

    spectra: tuple[str, ...]
    candidates: Int[np.ndarray, " spectra"]
    live_days: Float[np.ndarray, " spectra"]
    efficiency: Float[np.ndarray, " spectra"]
    background_rates: Float[np.ndarray, "spectra 5"]
    rate: Float[np.ndarray, " spectra"]

    @property
    def total_background_rate(self) -> Float[np.ndarray, " spectra"]:
        """All backgrounds per effective day."""
        return self.background_rates.sum(axis=1)

    def __str__(self) -> str:
        return as_text(self.summary())

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return as_html(self.summary())

    def summary(self) -> Summary:
        """Title, sentences and table."""
        columns = ("spectrum", "candidates", "days", "efficiency", *BACKGROUNDS, "background", "IBD per day")
        rows = [
            (
                name,
                f"{self.candidates[i]:,}",
                f"{self.live_days[i]:.1f}",
                f"{self.efficiency[i]:.4f}",
                *(f"{rate:.3f}" for rate in self.background_rates[i]),
                f"{self.total_background_rate[i]:.2f}",
                f"{self.rate[i]:.2f}",
            )
            for i, name in enumerate(self.spectra)
        ]
        sentence = "rates per day of effective live time; backgrounds over all energies"
        return Summary("Daya Bay, data", (sentence, CITATION), columns, tuple(rows))


def summary_table(analysis: DayaBayAnalysis, by: str = "period") -> DataSummary:
    """Candidates, days and rates of an analysis.

    Args:
        analysis: the analysis.
        by: ``"period"``: one row per detector and period; ``"detector"``: one per detector.
    """
    check_option("rows of the summary", by, ("period", "detector"))
    layout, release = analysis.layout, analysis.release
    groups = layout.detector if by == "detector" else np.arange(len(layout.pairs))
    names = layout.detectors if by == "detector" else tuple(f"{d} {p}" for d, p in layout.pairs)
    gather = (np.unique(groups)[:, None] == groups).astype(float)
    counts = release.counts[layout.rows] @ np.asarray(analysis.prediction.response.rebinning).sum(axis=0)
    candidates = gather @ counts
    live, effective = (gather @ x[layout.rows] / SECONDS_PER_DAY for x in (release.livetime_s, release.eff_livetime_s))
    background_rates = gather @ background_events(release, layout) / effective[:, None]
    return DataSummary(
        names,
        np.rint(candidates).astype(int),
        live,
        effective / live,
        background_rates,
        candidates / effective - background_rates.sum(axis=1),
    )
