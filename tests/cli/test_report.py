import html
import html.parser
import json
import re
import shutil
import subprocess
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

from wilks.cli.report import Section, inline_svg, slug, write_figures, write_report
from wilks.plots.drawing import draw
from wilks.results.store import load

REFERENCE = Path(__file__).parents[1] / "reference" / "results"

MEASURE = """<script>document.body.dataset.sizes = JSON.stringify([...document.querySelectorAll("figure svg")]
  .map(svg => [svg.getBoundingClientRect().width, svg.getBoundingClientRect().height]))</script>"""


class Page(html.parser.HTMLParser):
    """Tags, attributes and text of a page; fails on a tag that closes what is not open."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.stack: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        assert self.stack == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in {"meta", "br"}:
            self.stack.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.stack.pop() == tag

    def handle_data(self, data):
        self.text += data


@pytest.fixture
def report(tmp_path) -> Path:
    fit, goodness, plane = (load(REFERENCE / f"{name}.json") for name in ("fit", "goodness", "scan_2d"))
    sections = [
        Section("Fit & <errors>", "One.\n\nTwo <b>bold</b>.", (fit,), {'pulls "of" <all>': draw(fit)}),
        Section("Goodness", "", (goodness,), {"toys": draw(goodness), "plane": draw(plane)}),
        Section("Goodness", "", (), {"toys": draw(goodness)}),
    ]
    return write_report(tmp_path / "out" / "report.html", "Study <1>", sections)


def test_a_report_is_one_balanced_page_with_unique_ids(report):
    page = Page(report.read_text(encoding="utf-8"))
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert {"fit-errors", "goodness", "goodness-2"} <= set(ids)
    assert sum(tag == "svg" for tag, _ in page.tags) == 4
    assert sum(tag == "figure" for tag, _ in page.tags) == 4
    for _, attrs in page.tags:  # every link inside the page has its target
        target = attrs.get("href") or attrs.get("xlink:href") or ""
        assert not target.startswith("#") or target[1:] in ids
    for target in re.findall(r"url\(#([^)]+)\)", report.read_text(encoding="utf-8")):
        assert target in ids
    assert list(report.parent.iterdir()) == [report]


def test_a_report_fetches_nothing_and_runs_nothing(report):
    page = Page(report.read_text(encoding="utf-8"))
    assert not {"script", "link", "iframe", "object", "embed"} & {tag for tag, _ in page.tags}
    for _, attrs in page.tags:
        assert not [name for name in attrs if name.startswith("on")]
        for name in ("href", "src", "xlink:href"):
            assert (attrs.get(name) or "#").startswith(("#", "data:image/png;base64,"))
    assert "@import" not in report.read_text(encoding="utf-8")
    assert not re.search(r"url\((?!#)", report.read_text(encoding="utf-8"))


def test_what_a_report_says_is_escaped_and_complete(report):
    text = report.read_text(encoding="utf-8")
    page = Page(text)
    assert "<b>bold</b>" not in text
    assert "Two <b>bold</b>." in page.text
    assert 'pulls "of" <all>' in page.text
    assert "nuisance_at_bound" in page.text
    assert "1.29 ± 0.31" in page.text
    assert "5d41402abc4b2a76b9719d911017c592" in page.text  # the model's digest
    assert "prefers-color-scheme: dark" in text


def test_equal_reports_are_equal_files(tmp_path):
    scan = load(REFERENCE / "scan.json")
    one, two = (
        write_report(tmp_path / f"{i}.html", "t", [Section("s", figures={"scan": draw(scan)})]).read_bytes()
        for i in range(2)
    )
    assert one == two


def test_an_empty_report_is_a_page():
    assert slug("¿?") == "figure"
    assert slug("A b", taken={"a-b", "a-b-2"}) == "a-b-3"


def test_figures_are_written_beside_the_report(tmp_path):
    figures = {name: Figure(figsize=(1, 1)) for name in ("Scan of mu", "scan-of-mu", "../../x")}
    paths = write_figures(tmp_path, figures)
    assert [p.relative_to(tmp_path).as_posix() for p in paths] == [
        "figures/scan-of-mu.svg",
        "figures/scan-of-mu-2.svg",
        "figures/x.svg",
    ]
    assert all(p.read_text(encoding="utf-8").startswith("<?xml") for p in paths)


def test_ids_of_one_figure_never_meet_those_of_another():
    figure = Figure()
    figure.add_subplot().plot([1, 2], [3, 4], label="line")
    first, second = (set(re.findall(r'id="([^"]+)"', inline_svg(figure, p, "c"))) for p in ("a", "b"))
    assert len(first) > 5
    assert not first & second


@pytest.mark.browser
def test_the_report_opens_in_a_browser_and_its_figures_have_size(report, tmp_path):
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        pytest.skip("Debian's chromium is not installed; apt-get install chromium")
    flags = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--hide-scrollbars",
        "--force-device-scale-factor=1",
        "--window-size=900,4000",
        f"--user-data-dir={tmp_path / 'profile'}",
    ]
    picture = tmp_path / "report.png"
    run = partial(subprocess.run, check=True, timeout=120, capture_output=True, text=True)
    run([browser, *flags, f"--screenshot={picture}", report.as_uri()])
    assert len(np.unique(imread(picture).reshape(-1, 4), axis=0)) > 20  # a page with text and colours

    measured = tmp_path / "measured.html"  # the same page, allowed to run one script that notes the sizes
    measured.write_text(
        re.sub(r"<meta http-equiv[^>]*>", "", report.read_text(encoding="utf-8")).replace(
            "</body>", f"{MEASURE}</body>"
        ),
        encoding="utf-8",
    )
    dom = run([browser, *flags, "--dump-dom", measured.as_uri()]).stdout
    sizes = json.loads(html.unescape(re.search(r'data-sizes="([^"]*)"', dom)[1]))
    assert len(sizes) == 4
    for width, height in sizes:
        assert 200 < width <= 900
        assert 80 < height < 1000
