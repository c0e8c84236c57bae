import dataclasses
import html.parser

import numpy as np
import pytest

from wilks.results.text import Summary, as_html, as_text


class Balance(html.parser.HTMLParser):
    """Collects tags, and fails on one that closes what is not open."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_prints_are_those_on_record(result, name, reference, updating):
    path = reference / "prints" / f"{name}.txt"
    if updating:
        path.write_text(f"{result}\n", encoding="utf-8")
    assert f"{result}\n" == path.read_text(encoding="utf-8")
    assert repr(result) == str(result)


def test_html_is_balanced_and_says_the_same(result):
    text = result._repr_html_()
    parser = Balance()
    parser.feed(text)
    assert not parser.open
    assert set(parser.seen) <= {"div", "p", "strong", "br", "table", "thead", "tbody", "tr", "th", "td", "ul", "li"}
    assert html.escape(result.summary().title) in text


def test_names_cannot_inject_html_or_break_a_table(family):
    hostile = "<script>alert('x')</script>"
    fit = dataclasses.replace(
        family["fit"](),
        names=(hostile, "a\nb", "c\x1b[31m", "mass", "alpha_lumi"),
        units=("<b>", '"', "&", "GeV", ""),
        cause=hostile,
        flags={hostile: hostile},
        how=hostile,
    )
    text = fit._repr_html_()
    assert "<script" not in text
    assert "<b>" not in text
    assert "&lt;script&gt;" in text
    assert "a\\nb" in str(fit)
    assert "\x1b" not in str(fit)
    widths = {len(line) for line in str(fit).splitlines() if line.startswith("  ---")}
    assert len(widths) == 1


def test_long_tables_are_cut_and_say_so():
    summary = Summary("many", columns=("n",), rows=tuple((str(i),) for i in range(500)))
    for text in (as_text(summary), as_html(summary)):
        assert "and 300 more rows" in text
    assert len(as_text(summary).splitlines()) == 205


def test_a_summary_without_table_is_its_sentences():
    assert as_text(Summary("title", ("one", "", "two"))) == "title\n  one\n  two"


def test_results_are_frozen_and_their_arrays_read_only(result):
    with pytest.raises(dataclasses.FrozenInstanceError):
        result.how = "changed"
    for field in dataclasses.fields(result):
        value = getattr(result, field.name)
        if isinstance(value, np.ndarray):
            with pytest.raises(ValueError, match="read-only"):
                value[...] = 0


def test_the_arrays_of_the_caller_stay_writable_and_apart(family):
    theta = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    fit = dataclasses.replace(family["fit"](), theta=theta)
    theta[0] = 99.0
    assert fit.theta[0] == 1.0
