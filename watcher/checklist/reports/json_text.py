"""A JSON document that a terminal can show: what no font shows is escaped, all else stands as it is."""

import json
import re

_NOT_ASCII = re.compile(r"[^\x00-\x7e]")


def json_text(shown: object) -> str:
    """The text, with a line break at its end."""
    text = json.dumps(shown, indent=2, ensure_ascii=False)
    return _NOT_ASCII.sub(lambda found: found[0] if found[0].isprintable() else json.dumps(found[0])[1:-1], text) + "\n"
