"""What a user gets for bad input to the xenon wing, and the tests that say so."""

from pathlib import Path

import pytest

TESTS = Path(__file__).parents[2]
FACE = "compat/test_flamedisx.py"
LIKELIHOOD = "compat/test_flamedisx_likelihood.py"
UNBINNED = "likelihood/test_unbinned.py"
XENON = "physics/xenon"

JUDGED = (f"{XENON}/test_preparation.py", "test_events_that_cannot_be_judged_are_named")
MADE = (f"{XENON}/test_model.py", "test_models_that_make_no_sense_are_refused_when_they_are_made")
POSED = (UNBINNED, "test_what_cannot_be_is_refused_with_a_reason")
IMPOSSIBLE = (f"{XENON}/test_model.py", "test_impossible_values_have_no_rate_and_no_finite_expectation")

INPUTS = {
    "events outside the cuts": [
        JUDGED, (f"{XENON}/test_preparation.py", "test_events_outside_the_cuts_can_be_kept_with_no_rate"),
    ],
    "nothing is detected where an event is; numbers that are not finite; missing columns; negative signals": [JUDGED],
    "no source gives an event a rate": [
        (LIKELIHOOD, "test_events_that_no_source_explains_are_named"),
        (UNBINNED, "test_an_event_outside_of_a_source_has_no_rate_under_it_and_one_outside_of_all_is_named"),
    ],
    "rates below the smallest number": [
        (f"{XENON}/test_er.py", "test_absurd_lifetimes_give_finite_rates"),
        (UNBINNED, "test_an_event_outside_of_a_source_has_no_rate_under_it_and_one_outside_of_all_is_named"),
    ],
    "drift times that contradict depths": [
        (f"{XENON}/test_preparation.py", "test_drift_times_that_contradict_depths_are_said"),
    ],
    "unknown parameters, sources and keywords": [
        POSED, IMPOSSIBLE, (f"{XENON}/test_model.py", "test_an_unknown_setting_names_its_neighbours"),
    ],
    "free parameters that no source has; starts outside bounds; bounds without room; conflicting defaults": [POSED],
    "model functions that give no number or no probability; spectra without sense or too large": [MADE],
    "lifetimes, gains and efficiencies that are impossible, as starts, as bounds, in a fit": [MADE, IMPOSSIBLE],
    "model functions that cannot be compiled": [
        (f"{XENON}/test_plain_functions.py", "test_branches_and_the_math_module_give_the_same_source"),
        (f"{XENON}/test_plain_functions.py", "test_what_cannot_be_called_point_by_point_is_refused"),
    ],
    "truth that cannot be fixed": [(f"{XENON}/test_simulation.py", "test_what_cannot_be_fixed_is_refused")],
    "numbers of trials that are none, and no trials": [
        (f"{XENON}/test_simulation.py", "test_a_number_of_trials_is_whole_and_not_negative"),
        (f"{XENON}/test_simulation.py", "test_no_trials_give_an_empty_table_with_all_columns"),
    ],
    "nothing survives": [(f"{XENON}/test_simulation.py", "test_nothing_left_is_said_with_the_expected_number")],
    "times outside the live time": [
        (f"{XENON}/test_variable_energy.py", "test_event_times_are_checked"),
        (f"{XENON}/test_preparation.py", "test_times_outside_the_live_time_are_an_error_where_time_matters"),
    ],
    "templates that do not fit": [
        (f"{XENON}/test_template.py", "test_templates_without_sense_are_refused"),
        (f"{XENON}/test_template.py", "test_events_must_hold_the_columns_as_finite_numbers"),
        (f"{XENON}/test_template_source.py", "test_events_outside_have_no_rate_or_are_refused"),
    ],
    "points outside the nodes of a morphing": [
        (f"{XENON}/test_template_source.py", "test_outside_the_hull_the_log_likelihood_is_minus_infinity"),
    ],
    "limits that are never reached": [(LIKELIHOOD, "test_hard_bounds_end_an_interval_and_say_so")],
    "fits that do not converge": [(LIKELIHOOD, "test_events_that_no_source_explains_are_named")],
    "blocks of flamedisx": [(FACE, "test_inner_parts_of_flamedisx_are_refused_with_what_to_do")],
}  # fmt: skip


@pytest.mark.parametrize("given", INPUTS)
def test_each_bad_input_has_its_test(given):
    for path, name in INPUTS[given]:
        assert f"\ndef {name}(" in (TESTS / path).read_text(encoding="utf-8"), f"{path} holds no {name}"
