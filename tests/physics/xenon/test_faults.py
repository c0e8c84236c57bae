"""Faults of flamedisx 2.1.0 and of the packages around it, and the tests that keep Wilks free of each.

Electrons below zero (22) are those of NEST, whose sources are still to come; what holds for every source is that events
without electrons keep their share in rates as in simulation.
That the cost per event does not grow (23) is measured by benchmarks/xenon.py, since no test asserts a timing.
"""

from pathlib import Path

import pytest

TESTS = Path(__file__).parents[2]
FACE = "compat/test_flamedisx.py"
LIKELIHOOD = "compat/test_flamedisx_likelihood.py"
XENON = "physics/xenon"

FAULTS = {
    "1 rates depend on the point at which the source was made": [
        (f"{XENON}/test_er.py", "test_rates_do_not_depend_on_where_the_source_was_made"),
    ],
    "2 rates of single events are several per cent off": [
        (f"{XENON}/test_er.py", "test_rates_are_the_exact_sums"),
        (f"{XENON}/test_er.py", "test_rates_of_the_visible_events_are_those_of_the_file"),
    ],
    "3 a constraint is added once per batch": [
        ("likelihood/test_unbinned.py", "test_constraints_are_added_once_whatever_the_number_of_events_and_blocks"),
        (LIKELIHOOD, "test_a_constraint_is_added_once_whatever_the_batches"),
    ],
    "4 minimisers disagree, and 5 so do their errors": [(LIKELIHOOD, "test_all_optimizers_find_one_optimum")],
    "6 ends of intervals are off, 7 errors too small by sqrt(2), 18 critical values need derivatives": [
        (LIKELIHOOD, "test_a_pure_rate_has_the_analytic_fit_and_interval"),
    ],
    "8 the tutorial's summary fails": [(LIKELIHOOD, "test_the_summary_has_the_layout_of_the_tutorial")],
    "9 bounds are overstepped, and errors quoted on them": [(LIKELIHOOD, "test_a_parameter_on_its_bound_has_no_error")],
    "10 templates have rates outside": [
        (f"{XENON}/test_template.py", "test_lookup_gives_the_rate_of_the_bin_and_zero_outside"),
        (f"{XENON}/test_template_source.py", "test_events_outside_have_no_rate_or_are_refused"),
    ],
    "11 morphing needs two parameters on a grid": [
        (f"{XENON}/test_template_source.py", "test_rates_and_expected_events_morph_with_the_same_weights"),
        (f"{XENON}/test_template_source.py", "test_scattered_nodes_morph_in_two_parameters"),
    ],
    "12 the factor of the spectrum is not in the expected number": [
        (f"{XENON}/test_stages.py", "test_the_factor_of_the_spectrum_is_in_rate_and_expectation"),
    ],
    "13 volumes are ignored where sources are added": [
        (f"{XENON}/test_volume.py", "test_sources_of_equal_density_have_equal_rates_whatever_their_volumes"),
    ],
    "14 WIMPs are simulated at other energies than they are judged": [
        (f"{XENON}/test_wimp_source.py", "test_simulation_and_rate_use_the_same_energies"),
    ],
    "15 expected numbers are noisy and interpolated": [
        (f"{XENON}/test_er.py", "test_expected_events_are_the_exact_sums"),
        (f"{XENON}/test_er.py", "test_expected_events_have_the_gradient_of_finite_differences"),
    ],
    "16 there are no seeds": [
        (f"{XENON}/test_simulation.py", "test_the_same_key_gives_the_same_events_alone_or_among_others"),
        (FACE, "test_draws_obey_the_global_state_of_numpy_or_a_seed"),
    ],
    "17 the import needs a network and writes files": [
        (FACE, "test_the_import_opens_no_connection_and_writes_no_file"),
    ],
    "19 toys are stored with fits and centres of others": [
        ("inference/test_limits.py", "test_equal_seeds_give_equal_limits_and_every_node_shares_its_toys"),
        ("likelihood/test_unbinned.py", "test_toys_redraw_the_auxiliary_data"),
    ],
    "20 drift speeds jump at the temperatures of the table": [
        (f"{XENON}/test_drift.py", "test_speeds_are_continuous_at_the_temperatures_of_the_table"),
    ],
    "21 speeds of the halo do not integrate to one": [
        (f"{XENON}/test_halo.py", "test_the_distribution_of_speeds_integrates_to_one"),
    ],
    "22 events without electrons are simulated but have no rate": [
        (f"{XENON}/test_charge.py", "test_events_without_electrons_keep_their_share"),
    ],
    "24 old options of expected numbers crash": [(FACE, "test_estimators_of_old_scripts_are_accepted")],
    "25 configuration files are executed": [
        (f"{XENON}/test_configuration.py", "test_python_files_are_parsed_and_never_run"),
    ],
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_has_its_test(fault):
    for path, name in FAULTS[fault]:
        assert f"\ndef {name}(" in (TESTS / path).read_text(encoding="utf-8"), f"{path} holds no {name}"
