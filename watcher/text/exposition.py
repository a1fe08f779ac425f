"""A label's value in a page of metrics."""


def escape(text: str) -> str:
    """A label's value as the text format wants it (Prometheus exposition formats, 0.0.4)."""
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
