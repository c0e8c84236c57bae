"""Our side as a process: the tasks of Wilks by name."""

from harness.serving import serve

from . import (
    events,
    feldman_cousins,
    fits,
    flavor,
    flavor_fit,
    oscillation,
    reactor,
    response,
    response_tutorial,
    sbi,
    studies,
    xenon,
)

TASKS = {
    "two_norm_fits": fits.two_norm_fits,
    "systematics_fits": fits.systematics_fits,
    "systematics_single": fits.systematics_single,
    "systematics_intervals": fits.systematics_intervals,
    "systematics_profile": fits.systematics_profile,
    "ten_bins_profile": fits.ten_bins_profile,
    "ten_bins_profiles": fits.ten_bins_profiles,
    "unbinned_fits": fits.unbinned_fits,
    "unbinned_profile": fits.unbinned_profile,
    "thrown": studies.thrown,
    "systematics_thrown": studies.systematics_thrown,
    "coverage": studies.coverage,
    "goodness": studies.goodness,
    "write_events": events.write,
    "event_weight": events.weight,
    "histogram": events.histogram,
    "flavor_observables": flavor.observables,
    "flavor_chi2": flavor.chi2,
    "flavor_gradient": flavor.gradient,
    "flavor_global_fit": flavor_fit.global_fit,
    "flavor_chain": flavor.chain,
    "flavor_complete_fit": flavor.complete_fit,
    "flavor_single_chi2": flavor.single_chi2,
    "flavor_plot": flavor.plot,
    **response.TASKS,
    **response_tutorial.TASKS,
    **xenon.TASKS,
    **feldman_cousins.TASKS,
    **oscillation.TASKS,
    **reactor.TASKS,
    **sbi.TASKS,
}

if __name__ == "__main__":
    serve(TASKS)
