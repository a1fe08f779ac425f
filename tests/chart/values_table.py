"""The table of values in the chart's README, made from values.yaml: `python -m tests.chart.values_table` renews it."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from tests.repository import ROOT

CHART = ROOT / "helm" / "agentweave-watcher"
README = CHART / "README.md"
BEGIN, END = "<!-- values: begin -->\n", "<!-- values: end -->\n"


@dataclass(frozen=True)
class Value:
    """One row: the path of a key, its default, and the comment above it."""

    path: str
    default: Any
    comment: str


def values(text: str) -> list[Value]:
    """All values of a values.yaml; a section without a comment stands for what is in it."""
    return list(_values(yaml.compose(text), text.splitlines(), ()))


def _values(section: Any, lines: Sequence[str], above: tuple[str, ...]) -> Iterator[Value]:
    for key, value in section.value:
        path = (*above, key.value)
        comment = _comment_above(lines, key.start_mark.line)
        if comment or not (isinstance(value, yaml.MappingNode) and value.value):
            yield Value(".".join(path), yaml.SafeLoader("").construct_object(value, deep=True), comment)
        else:
            yield from _values(value, lines, path)


def _comment_above(lines: Sequence[str], line: int) -> str:
    found: list[str] = []
    while line and lines[line - 1].lstrip().startswith("# "):
        line -= 1
        found.insert(0, lines[line].lstrip(" #"))
    return " ".join(found)


def table() -> str:
    """The table, in Markdown."""
    rows = [
        f"| `{value.path}` | `{json.dumps(value.default)}` | {value.comment} |"
        for value in values((CHART / "values.yaml").read_text())
    ]
    return "\n".join(["| value | default | meaning |", "| --- | --- | --- |", *rows]) + "\n"


def with_table(readme: str) -> str:
    """A README with its table as it should be; LookupError where it has no place for one."""
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise LookupError(f"no {BEGIN.strip()} and {END.strip()} in the README")
    return f"{before}{BEGIN}{table()}{END}{after}"


if __name__ == "__main__":
    README.write_text(with_table(README.read_text()))
