"""Which YAML documents does a text hold? Each is read for itself: a broken one costs no other."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml

from probes.controls.judges.secret_rules import secret_rule
from watcher.text.yaml_reader import Lines, Literals, UnsupportedYamlError, YamlReader
from watcher.text.yaml_scalars import kubernetes_value

MAX_BYTES = 32 * 2**20
"""Of one file, and of standard input."""

MAX_VALUES = 1_000_000
"""Values of all documents of a text: some ten seconds."""

_MAX_WEIGHT = 8 * MAX_BYTES
_MARKER = re.compile(r"^---(?=[ \t\r\n]|\Z)", re.MULTILINE)
_LINE = re.compile(r"\bon line ([0-9]+)")
_TEMPLATE = re.compile(r"\{\{")
UNRENDERED = "a template that is not rendered ({{); give what `helm template` prints"


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a text, or why it is none."""

    line: int  # its first line with something on it, from 1
    data: object = None
    lines: Lines = field(default_factory=dict)
    literals: Literals = field(default_factory=dict)
    offset: int = 0  # lines before it: to be added to those of `lines` and `literals`
    broken: str = ""  # one sentence


def read_documents(text: str) -> Iterator[Document]:
    """All documents, empty ones left out; a marker at the start of a line ends a document wherever it stands."""
    begins = [0, *(found.start() for found in _MARKER.finditer(text))]
    left, offset = MAX_VALUES, 0
    for number, begin in enumerate(begins):
        part = text[begin : begins[number + 1] if number + 1 < len(begins) else len(text)]
        if left <= 0:
            yield Document(offset + 1, broken=f"more than {MAX_VALUES} values before it: this and the rest is not read")
            return
        document, used = _read(part, offset, left)
        left -= used
        if document is not None:
            yield document
        offset += part.count("\n")


def _read(text: str, offset: int, left: int) -> tuple[Document | None, int]:
    first = offset + 1 + _blank_lines(text)
    reader = YamlReader(text, _MAX_WEIGHT, left, kubernetes_value)
    try:
        data = reader.document()
    except UnsupportedYamlError as error:
        return Document(offset + error.line, broken=_why(text, str(error))), reader.values
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = offset + mark.line + 1 if mark else first
        return Document(line, broken=_why(text, f"not YAML: {error.problem or error.context}")), reader.values
    except yaml.YAMLError as error:
        return Document(first, broken=_why(text, f"not YAML: {str(error).splitlines()[0]}")), reader.values
    if reader.mistakes:
        line, why = reader.mistakes[0][0], _why("", reader.mistakes[0][1])
        return Document(offset + line, broken=moved(why, offset)), reader.values
    return (None if data is None else Document(first, data, reader.lines, reader.literals, offset)), reader.values


def moved(sentence: str, offset: int) -> str:
    """The sentence with so many lines more in each `on line N`."""
    return _LINE.sub(lambda found: f"on line {int(found[1]) + offset}", sentence)


def _why(text: str, error: str) -> str:
    if _TEMPLATE.search(text):
        return UNRENDERED
    return "a key that looks like a secret is wrong" if secret_rule(error) else error[:300]


def _blank_lines(text: str) -> int:
    lines = text.splitlines()
    return next((n for n, line in enumerate(lines) if line.strip() and not line.startswith(("---", "#"))), 0)
