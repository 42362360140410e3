"""A page that opens with no network, and its pieces: cards, pictures inside, tables."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

from gapsample import plots


def whole(
    template: str,
    *,
    title: str,
    subtitle: str,
    cards: Iterable[tuple[str, str, str]],
    verdict: str,
    **sections: str,
) -> str:
    """A page: the frame that all reports share, around the sections of one.

    Parameters
    ----------
    template : name of the file that the sections are put into
    title, subtitle, verdict : plain text
    cards : title, value and note of each
    sections : HTML, by its name in the template
    """
    return Template(_read("page.html")).substitute(
        style=_read("page.css"),
        title=escape(title),
        subtitle=escape(subtitle),
        cards="".join(card(*each) for each in cards),
        verdict=escape(verdict),
        sections=Template(_read(template)).substitute(sections),
    )


def _read(name: str) -> str:
    return files("gapsample.journeys").joinpath(name).read_text(encoding="utf-8")


def card(title: str, value: str, note: str) -> str:
    """One number, large."""
    return f'<div class="card"><span>{escape(title)}</span><b>{escape(value)}</b><i>{escape(note)}</i></div>'


def figure(drawn: plots.Figure, caption: str) -> str:
    """A picture inside the page, and what it shows."""
    data = b64encode(plots.png(drawn)).decode("ascii")
    text = escape(caption)
    image = f'<img alt="{text}" src="data:image/png;base64,{data}">'
    return f"<figure>{image}<figcaption>{text}</figcaption></figure>"


def table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of text."""
    head = "".join(f"<th>{escape(title)}</th>" for title in titles)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def definitions(items: Mapping[str, Any]) -> str:
    """Names and what they stand for."""
    return (
        "<dl>" + "".join(f"<dt>{escape(k)}</dt><dd>{escape(str(v))}</dd>" for k, v in items.items()) + "</dl>"
    )
