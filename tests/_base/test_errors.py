"""Errors form one tree, travel between processes, and say what to do."""

import pickle

import pytest

from wilks._base import errors
from wilks._base.errors import (
    FitFailed,
    InvalidData,
    InvalidOption,
    MissingExtra,
    TooManyFailures,
    UnknownName,
    WilksError,
    check_option,
    near_names,
)


def all_errors():
    return [thing for thing in vars(errors).values() if isinstance(thing, type) and issubclass(thing, Exception)]


def test_the_drawn_tree_names_every_error():
    assert len(all_errors()) >= 12
    for error in all_errors():
        assert error.__name__ in errors.__doc__
        assert issubclass(error, WilksError)


@pytest.mark.parametrize("error", all_errors(), ids=lambda e: e.__name__)
def test_errors_survive_the_way_between_processes(error):
    made = error("hist", "io") if error is MissingExtra else error("what is wrong")
    back = pickle.loads(pickle.dumps(made))
    assert type(back) is error
    assert str(back) == str(made)


def test_errors_are_also_what_python_programmers_catch():
    assert issubclass(InvalidData, ValueError)
    assert issubclass(InvalidOption, ValueError)
    assert issubclass(UnknownName, LookupError)
    assert issubclass(MissingExtra, ImportError)


def test_a_failed_procedure_keeps_what_there_is():
    for kind in (FitFailed, TooManyFailures):
        assert kind("no minimum", {"theta": 1}).result == {"theta": 1}


def test_a_missing_extra_says_what_to_install():
    assert "pip install 'wilks[io]'" in str(MissingExtra("uproot", "io"))


def test_near_names_and_options():
    assert near_names("s_x", ["s_s", "s_b", "lumi"]) == "did you mean 's_s' or 's_b'?"
    assert near_names("zzz", ["s_s", "s_b"]) == "known names are 's_s', 's_b'"
    assert near_names("zzz", []) == "there are none"
    assert near_names("zzz", [f"x{i}" for i in range(20)]).endswith("'x11', ...")
    check_option("cost", "cnp", ("cnp", "neyman"))
    with pytest.raises(InvalidOption, match="cost 'chi' does not exist; choose one of cnp, neyman"):
        check_option("cost", "chi", ("cnp", "neyman"))
