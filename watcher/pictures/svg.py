"""Elements of SVG as text; whatever is put into one comes out as text."""

from html import escape

Attribute = str | float


def element(name: str, *inner: str, text: str = "", **attributes: Attribute) -> str:
    """One element around others; `text` is escaped. In a name a `_` stands for a `-`, at its end for nothing."""
    said = "".join(f' {_named(each)}="{_value(value)}"' for each, value in attributes.items())
    return f"<{name}{said}>{escape(text)}{''.join(inner)}</{name}>"


def number(value: float) -> str:
    """Of a place in a picture, to a tenth."""
    return f"{value:.1f}".removesuffix(".0")


def _named(attribute: str) -> str:
    return attribute if attribute == "viewBox" else attribute.removesuffix("_").replace("_", "-")


def _value(value: Attribute) -> str:
    return escape(value) if isinstance(value, str) else number(value)
