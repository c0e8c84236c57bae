"""Our side as a process: the tasks of Wilks by name."""

from harness.serving import serve

from . import events, fits, studies

TASKS = {
    "two_norm_fits": fits.two_norm_fits,
    "systematics_fits": fits.systematics_fits,
    "systematics_single": fits.systematics_single,
    "systematics_intervals": fits.systematics_intervals,
    "systematics_profile": fits.systematics_profile,
    "ten_bins_profile": fits.ten_bins_profile,
    "thrown": studies.thrown,
    "systematics_thrown": studies.systematics_thrown,
    "coverage": studies.coverage,
    "goodness": studies.goodness,
    "write_events": events.write,
    "event_weight": events.weight,
    "histogram": events.histogram,
}

if __name__ == "__main__":
    serve(TASKS)
