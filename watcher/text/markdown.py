"""How does a text from outside stand in Markdown as itself, whatever is in it?"""

import re

from watcher.text.printable import printable

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|#~])")
_TICKS = re.compile(r"`+")


def plain(text: str) -> str:
    """In one line, as text that stands for itself, also in a cell of a table: nothing in it is markup."""
    return _SPECIAL.sub(r"\\\1", printable(text))


def code_span(text: str) -> str:
    """In one line, as code: in what strangers write nobody is mentioned, and no address becomes a link."""
    said = printable(text)
    fence = "`" * (1 + max(map(len, _TICKS.findall(said)), default=0))
    padding = " " if said.startswith("`") or said.endswith("`") else ""
    return f"{fence}{padding}{said}{padding}{fence}" if said.strip() else ""
