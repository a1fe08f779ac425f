"""What does a runbook say? Its Markdown as HTML, once, with room for what one alert fills in."""

import re
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from html import escape
from itertools import pairwise
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.token import Token

from watcher.alerting.runbook_commands import PlaceholderValues, filled, language_of, placeholders

_CODE = "\x00"  # around code, which begins with its language; CommonMark has no such character
_END_OF_LANGUAGE = "\x02"
_QUERY = "\x01"  # at the end of a link to another runbook
_OTHER = re.compile(r"(AgentWeave[A-Za-z0-9]+)\.md(#.*)?")


class _Markdown(MarkdownIt):
    def validateLink(self, url: str) -> bool:
        """Links that are relative, or lead to the web."""
        try:
            parts = urlsplit(url)
        except ValueError:
            return False
        return parts.scheme in ("http", "https") or not (parts.scheme or parts.netloc)


_MARKDOWN = _Markdown("commonmark", {"html": False}).enable("table").disable("image")


def meaning(markdown: str) -> str:
    """The first sentence of a runbook's first section, as plain text; empty where there is none."""
    first = re.search(r"^## Meaning\s+(.+?(?:\.(?=\s)|:(?=\n)))", markdown, re.DOTALL | re.MULTILINE)
    return re.sub(r"[`*]", "", " ".join(first[1].split())).rstrip(":") if first else ""


class RunbookText:
    """One runbook, read; `names` are the alerts that have one."""

    def __init__(self, markdown: str, names: Mapping[str, object]) -> None:
        tokens = _without_title(_MARKDOWN.parse(markdown))
        self.steps = frozenset(_mark_steps(tokens))
        """Reasons that have a step of their own, an anchor of the same name."""

        for token in _all(tokens):
            _leave_room(token, names)
        html = str(_MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {}))
        self._pieces = html.replace("<pre>", '<pre tabindex="0">').split(_CODE)  # a long line is scrolled by keys too

    def step(self, name: str) -> str:
        """The step for a reason or a condition, such as `OPA*` for all that begin so; empty where there is none."""
        return name if name in self.steps else next((each for each in self.steps if fnmatchcase(name, each)), "")

    def placeholders(self) -> list[str]:
        """What its commands want to be told."""
        return placeholders("\n".join(code for _, code in self._codes()))

    def html(self, values: PlaceholderValues, query: str) -> str:
        """The text below its title; `query`, as in a URL, goes with every link to another runbook."""
        pieces = list(self._pieces)
        pieces[1::2] = [filled(code, language, values, _marked) for language, code in self._codes()]
        return "".join(pieces).replace(_QUERY, escape(f"?{query}") if query else "")

    def _codes(self) -> Iterator[tuple[str, str]]:
        for piece in self._pieces[1::2]:
            language, _, code = piece.partition(_END_OF_LANGUAGE)
            yield language, code


def _marked(missing: str) -> str:
    return f"<mark>{missing}</mark>"


def _without_title(tokens: list[Token]) -> list[Token]:
    return tokens[3:] if tokens and (tokens[0].type, tokens[0].tag) == ("heading_open", "h1") else tokens


def _mark_steps(tokens: Sequence[Token]) -> Iterator[str]:
    for opening, inline in pairwise(tokens):
        inside = inline.children or []
        if (opening.type, opening.tag) == ("heading_open", "h3") and [each.type for each in inside] == ["code_inline"]:
            opening.attrSet("id", inside[0].content)
            yield inside[0].content


def _all(tokens: Sequence[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from token.children or ()


def _leave_room(token: Token, names: Mapping[str, object]) -> None:
    if token.type in ("fence", "code_block", "code_inline"):
        language = language_of(token.content) if token.type == "code_inline" else token.info.strip()
        token.content = f"{_CODE}{language}{_END_OF_LANGUAGE}{token.content}{_CODE}"
    elif token.type == "link_open":
        other = _OTHER.fullmatch(str(token.attrs["href"]))
        if other and other[1] in names:
            token.attrSet("href", f"/runbooks/{other[1]}{_QUERY}{other[2] or ''}")
