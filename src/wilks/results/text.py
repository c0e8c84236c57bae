"""A result as a reader sees it: title, sentences and one table, as aligned text or as HTML."""

import html
from dataclasses import dataclass

_MOST_ROWS = 200


@dataclass(frozen=True)
class Summary:
    """What a result says.

    Args:
        title: one line.
        sentences: lines before the table.
        columns: headings of the table; empty for no table.
        rows: cells of the table, one tuple per row, as text.
        flags: name -> sentence, printed after the table.
    """

    title: str
    sentences: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    flags: tuple[tuple[str, str], ...] = ()


def as_text(summary: Summary) -> str:
    """Aligned text; the first column stands left, the others right."""
    lines = [printable(summary.title), *(f"  {printable(s)}" for s in summary.sentences if s)]
    if summary.columns and summary.rows:
        lines += ["", *_table([summary.columns, *summary.rows[:_MOST_ROWS]])]
        lines += [f"  {text}" for text in _left_out(summary)]
    if summary.flags:
        lines += ["", *(f"  ! {printable(name)}: {printable(sentence)}" for name, sentence in summary.flags)]
    return "\n".join(lines)


def as_html(summary: Summary) -> str:
    """HTML fragment, readable on light and dark pages; every text is escaped."""
    parts = [f'<div class="wilks-result"><p><strong>{html.escape(printable(summary.title))}</strong></p>']
    if any(summary.sentences):
        parts.append("<p>" + "<br>".join(html.escape(printable(s)) for s in summary.sentences if s) + "</p>")
    if summary.columns and summary.rows:
        parts.append(_html_table(summary))
        parts += [f"<p>{text}</p>" for text in _left_out(summary)]
    if summary.flags:
        items = "".join(
            f"<li><strong>{html.escape(printable(name))}</strong>: {html.escape(printable(sentence))}</li>"
            for name, sentence in summary.flags
        )
        parts.append(f'<ul class="wilks-flags">{items}</ul>')
    return "\n".join([*parts, "</div>"])


def printable(text: str) -> str:
    """Text without line breaks and control characters, so that no name can disturb a table or a terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def _left_out(summary: Summary) -> list[str]:
    rest = len(summary.rows) - _MOST_ROWS
    return [f"... and {rest} more rows; save the result or its CSV to see them all"] if rest > 0 else []


def _table(rows: list[tuple[str, ...]]) -> list[str]:
    cells = [[printable(c) for c in row] for row in rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(rows[0]))]
    lines = [
        "  "
        + "   ".join(c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True)))
        for row in cells
    ]
    lines.insert(1, "  " + "   ".join("-" * w for w in widths))
    return [line.rstrip() for line in lines]


def _html_table(summary: Summary) -> str:
    def row(cells: tuple[str, ...], tag: str) -> str:
        styles = ["text-align:left"] + ["text-align:right"] * (len(cells) - 1)
        return (
            "<tr>"
            + "".join(
                f'<{tag} style="{style}">{html.escape(printable(c))}</{tag}>'
                for style, c in zip(styles, cells, strict=True)
            )
            + "</tr>"
        )

    body = "\n".join(row(cells, "td") for cells in summary.rows[:_MOST_ROWS])
    return f"<table>\n<thead>{row(summary.columns, 'th')}</thead>\n<tbody>\n{body}\n</tbody>\n</table>"
