"""Pages of HTML, rendered on the server from templates that are read once.

Source: ADR-0039, attacks 77 and 295 in `THREAT_MODEL.md`.
"""

import re
from importlib import resources
from typing import Any

from jinja2 import DictLoader, Environment, StrictUndefined
from markdown_it import MarkdownIt
from markupsafe import Markup, escape

from caveat.oversight.untrusted import visible

STATIC = {"console.css": "text/css; charset=utf-8", "console.js": "text/javascript; charset=utf-8"}
_SPELT = re.compile("(\u27e6U\\+[0-9A-F]{4,6}\u27e7)")


class Pages:
    """The templates and files of the console."""

    def __init__(self) -> None:
        """Reads them; raises `OSError` where the installation is broken."""
        room = resources.files("caveat.oversight.console")
        names = sorted(one.name for one in (room / "templates").iterdir() if one.name.endswith(".html"))
        templates = {name: (room / "templates" / name).read_text("utf-8") for name in names}
        self._static = {name: (room / "static" / name).read_bytes() for name in STATIC}
        self._environment = Environment(
            loader=DictLoader(templates),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._terms = MarkdownIt("commonmark", {"html": False}).enable("table")
        self._terms.disable(["link", "image", "autolink", "reference"])
        self._environment.filters["untrusted"] = untrusted
        self._environment.filters["capitalize_first"] = sentence
        self._environment.filters["short"] = short
        self._environment.filters["moment"] = moment

    def render(self, name: str, /, **values: Any) -> bytes:  # noqa: ANN401 - whatever the template names
        """The page; raises `jinja2.UndefinedError` for a value that it asks for and does not get."""
        return self._environment.get_template(f"{name}.html").render(**values).encode()

    def static(self, name: str) -> tuple[bytes, str] | None:
        """A file that pages load, with its type; None for any other name."""
        return (self._static[name], STATIC[name]) if name in self._static else None

    def terms(self, markdown: str) -> Markup:
        """The page for lawyers. Its text is signed by the parties, and still neither HTML nor links pass."""
        tokens = self._terms.parse(visible(markdown))
        for token in tokens:
            if token.type in {"heading_open", "heading_close"}:
                token.tag = f"h{min(6, int(token.tag[1:]) + 2)}"  # it stands below a heading of the page
        return Markup(self._terms.renderer.render(tokens, self._terms.options, {}))  # noqa: S704 - it escapes, and passes no HTML on


def untrusted(text: str) -> Markup:
    """Text of anybody, escaped; characters that hide or turn others around stand out, spelt."""
    pieces = _SPELT.split(visible(text))
    return Markup("").join(
        Markup('<span class="hidden-char">{}</span>').format(piece) if place % 2 else escape(piece)
        for place, piece in enumerate(pieces)
    )


def sentence(text: str) -> str:
    """A message of ours as the beginning of a sentence."""
    return text[:1].upper() + text[1:]


def short(text: str) -> str:
    """A digest as people compare it at a glance."""
    return text[:16]


def moment(text: str) -> str:
    """A time of a record, to the second."""
    return f"{text[:10]} {text[11:19]} UTC"
