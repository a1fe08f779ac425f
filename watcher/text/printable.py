"""How does a text from outside stand in one line of a terminal or a log, whatever is in it?"""


def printable(text: str) -> str:
    """`text` in one line: line breaks, control, bidirectional and unpaired characters become `\\n`, `\\x1b`, ..."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
