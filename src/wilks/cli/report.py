"""Writes a report: one HTML file with text, results and figures inside, which opens offline and runs no script."""

import html
import io
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from wilks.results.provenance import Provenance
from wilks.results.result import AbstractResult
from wilks.results.text import as_html

_STYLE = """
:root { color-scheme: light dark; --ink: #1c2430; --paper: #ffffff; --faint: #5c6775; --rule: #d7dce2; --flag: #8a3b00;
  --card: #f5f7f9; --link: #1f5fa8; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e8ee; --paper: #14181e; --faint: #9aa5b3; --rule: #343c47;
  --flag: #ffb066; --card: #1c222a; --link: #8fbff2; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2.5rem 1.25rem 4rem; max-width: 58rem; color: var(--ink); background: var(--paper);
  font: 16px/1.55 system-ui, sans-serif; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 1rem; }
h2 { font-size: 1.35rem; margin: 2.75rem 0 .75rem; padding-top: .75rem; border-top: 1px solid var(--rule); }
nav ol { margin: 0; padding-left: 1.4rem; color: var(--faint); }
a { color: var(--link); text-decoration-thickness: 1px; text-underline-offset: 2px; }
.wilks-result { background: var(--card); border-radius: .5rem; padding: .25rem 1.1rem .75rem; margin: 1rem 0;
  overflow-x: auto; }
.wilks-result p { margin: .7rem 0; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .92rem; }
th, td { padding: .28rem .9rem .28rem 0; border-bottom: 1px solid var(--rule); white-space: nowrap; }
th { color: var(--faint); font-weight: 600; }
.wilks-flags { margin: .8rem 0; padding-left: 1.1rem; color: var(--flag); }
details { color: var(--faint); font-size: .88rem; margin: .25rem 0 1rem; }
details td { white-space: normal; overflow-wrap: anywhere; vertical-align: top; }
figure { margin: 1.5rem 0; }
figure svg { display: block; max-width: 100%; height: auto; background: #ffffff; border-radius: .5rem; padding: .5rem; }
figcaption { color: var(--faint); font-size: .92rem; margin-top: .5rem; }
@media print { body { max-width: none; padding: 0; } figure, .wilks-result { break-inside: avoid; } }
"""
# nothing is fetched and nothing runs, whatever a name or a caption contains
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


@dataclass(frozen=True)
class Rendered:
    """A figure drawn once, to be used in several places.

    Args:
        text: the SVG document.
    """

    text: str


@dataclass(frozen=True)
class Section:
    """One part of a report.

    Args:
        title: heading.
        text: paragraphs of plain text, separated by empty lines.
        results: printed below the text, each with its provenance.
        figures: caption -> figure.
    """

    title: str
    text: str = ""
    results: Sequence[AbstractResult] = ()
    figures: Mapping[str, Figure | Rendered] = field(default_factory=dict)


def write_report(path: str | Path, title: str, sections: Sequence[Section]) -> Path:
    """Write a self-contained HTML page: figures as inline SVG, one style for light and dark, no script.

    Args:
        path: file to write; its folder is made if needed.
        title: heading of the page.
        sections: parts in order.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        partial.write_text(_page(title, sections), encoding="utf-8")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return path


def write_figures(folder: str | Path, figures: Mapping[str, Figure | Rendered]) -> tuple[Path, ...]:
    """Write figures as ``FOLDER/figures/NAME.svg``, names made safe for any file system.

    Args:
        folder: folder of a run.
        figures: name -> figure.
    """
    target = Path(folder) / "figures"
    target.mkdir(parents=True, exist_ok=True)
    paths: list[Path] = []
    for name, figure in figures.items():
        stem = slug(name, taken={p.stem for p in paths})
        paths.append(target / f"{stem}.svg")
        paths[-1].write_text(render(figure).text, encoding="utf-8")
    return tuple(paths)


def slug(name: str, taken: Iterable[str] = ()) -> str:
    """A file name or anchor from any text: small letters, digits and dashes, different from those taken."""
    stem = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:60] or "figure"
    candidates = [stem, *(f"{stem}-{i}" for i in range(2, len(set(taken)) + 3))]
    return next(c for c in candidates if c not in taken)


def inline_svg(figure: Figure | Rendered, prefix: str, caption: str) -> str:
    """A figure as an SVG element for an HTML page, with all its ids starting with ``prefix``.

    Args:
        figure: the figure.
        prefix: letters, digits and dashes; different for each figure of a page.
        caption: text read out in place of the figure.
    """
    text = render(figure).text
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->", "", text, flags=re.DOTALL)
    text = re.sub(r'\bid="([^"]+)"', rf'id="{prefix}-\1"', text)
    text = re.sub(r'href="#([^"]+)"', rf'href="#{prefix}-\1"', text)
    text = re.sub(r"url\(#([^)]+)\)", rf"url(#{prefix}-\1)", text)
    text = text.replace("*{stroke", f"#{prefix} *{{stroke")  # the figure's style must not leak into the page
    return text.replace("<svg", f'<svg id="{prefix}" role="img" aria-label="{html.escape(caption)}"', 1)


def render(figure: Figure | Rendered) -> Rendered:
    """A figure drawn as SVG; what is drawn already stays as it is."""
    if isinstance(figure, Rendered):
        return figure
    stream = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": "wilks", "svg.fonttype": "path"}):  # equal figures give equal files
        figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    return Rendered(stream.getvalue())


def _page(title: str, sections: Sequence[Section]) -> str:
    anchors: list[str] = []
    for section in sections:
        anchors.append(slug(section.title, taken=anchors))
    links = "\n".join(
        f'<li><a href="#{anchor}">{html.escape(section.title)}</a></li>'
        for anchor, section in zip(anchors, sections, strict=True)
    )
    body = "\n".join(_section(anchor, section) for anchor, section in zip(anchors, sections, strict=True))
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{html.escape(title)}</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>{html.escape(title)}</h1>
<nav><ol>
{links}
</ol></nav>
<main>
{body}
</main>
</body>
</html>
"""


def _section(anchor: str, section: Section) -> str:
    parts = [f'<section id="{anchor}">', f"<h2>{html.escape(section.title)}</h2>"]
    parts += [f"<p>{html.escape(p.strip())}</p>" for p in re.split(r"\n\s*\n", section.text) if p.strip()]
    for result in section.results:
        parts += [as_html(result.summary()), _provenance(result.provenance)]
    for i, (caption, figure) in enumerate(section.figures.items(), start=1):
        svg = inline_svg(figure, f"{anchor}-figure-{i}", caption)
        parts.append(f"<figure>\n{svg}\n<figcaption>{html.escape(caption)}</figcaption>\n</figure>")
    return "\n".join([*parts, "</section>"])


def _provenance(provenance: Provenance) -> str:
    rows = {
        "versions": ", ".join(f"{name} {version}" for name, version in provenance.versions.items()),
        "machine": f"{provenance.platform}, {provenance.device}, {provenance.precision}, threads {provenance.threads}",
        "seed": "" if provenance.seed is None else str(provenance.seed),
        "model SHA-256": provenance.model_digest,
        "data SHA-256": provenance.data_digest,
        "settings": ", ".join(f"{name} = {value}" for name, value in provenance.settings.items()),
        "started": f"{provenance.started}, took {provenance.duration_s:.3g} s",
        "command": provenance.command,
    }
    body = "".join(f"<tr><th>{name}</th><td>{html.escape(value)}</td></tr>" for name, value in rows.items() if value)
    return f"<details><summary>Provenance</summary><table>{body}</table></details>"
