"""Pieces of a page that opens with no network: style, cards, pictures inside, tables."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from importlib.resources import files
from typing import Any

from gapsample import plots


def style() -> str:
    """What goes between the style tags."""
    return files("gapsample.journeys").joinpath("page.css").read_text(encoding="utf-8")


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
