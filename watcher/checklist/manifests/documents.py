"""Which YAML documents does a text hold? Each is read for itself: a broken one costs no other."""

import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import yaml

from watcher.text.yaml_reader import Lines, Literals, UnsupportedYamlError, YamlReader
from watcher.text.yaml_scalars import kubernetes_value

MAX_BYTES = 32 * 2**20
"""Of one file, and of standard input."""

MAX_ALL_BYTES = 64 * 2**20
"""Of all that is read."""

MAX_VALUES = 1_000_000
"""Values of all documents of all files: some ten seconds."""

MAX_REPEATED = 100_000
"""Values that aliases repeat, of all documents of all files."""

_A_DOCUMENT = 10
"""What a document costs, in values: also an empty one."""

_MARKER = "---"
_AFTER_IT = ("", " ", "\t", "\r", "\n")
_LINE = re.compile(r"\bon line ([0-9]+)")
_TEMPLATE = re.compile(r"\{\{")
_ITEM = re.compile(r"items\[([0-9]{1,9})\]\.")
UNRENDERED = "a template that is not rendered ({{); give what `helm template` prints"


class Part(NamedTuple):
    """What stands from one marker to the next: a document, or nothing."""

    text: str
    offset: int  # lines before it


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a text, or why it is none."""

    line: int  # its first line with something on it, from 1
    data: object = None
    lines: Lines = field(default_factory=dict)
    literals: Literals = field(default_factory=dict)
    offset: int = 0  # lines before it: to be added to those of `lines` and `literals`
    broken: str = ""  # one sentence
    templated: bool = False  # it has a {{ somewhere
    doubled: Mapping[int, tuple[int, str]] = field(default_factory=dict)  # items of a list: a line and why it is broken


@dataclass(slots=True)
class Budget:
    """What may be read of all files together, and what was."""

    most_bytes: int = MAX_ALL_BYTES
    most_values: int = MAX_VALUES
    most_repeated: int = MAX_REPEATED
    most_of_document: int = MAX_VALUES  # values
    bytes: int = 0
    values: int = 0
    repeated: int = 0

    @property
    def spent(self) -> str:
        """Why no more is read, a part of a sentence; empty while there is something left."""
        if self.bytes > self.most_bytes:
            return f"more than {self.most_bytes >> 20} MiB"
        return f"more than {self.most_values} values" if self.values >= self.most_values else ""


def read_documents(text: str, budget: Budget | None = None) -> Iterator[Document]:
    """All documents, empty ones left out; a marker at the start of a line ends a document wherever it stands.

    What is read is taken from the budget; where that is spent, one sentence says that the rest is not read.
    """
    budget = budget or Budget()
    for part in parts(text):
        document = None if budget.spent else read_document(part, budget)
        if budget.spent:
            yield not_read(part, budget)
            return
        if document is not None:
            yield document


def parts(text: str) -> Iterator[Part]:
    """All of them, also empty ones. A search for the marker alone: of a long line a pattern looks at each character."""
    begin = offset = 0
    for at in _markers(text):
        yield (part := Part(text[begin:at], offset))
        begin, offset = at, offset + part.text.count("\n")
    yield Part(text[begin:], offset)


def _markers(text: str) -> Iterator[int]:
    line = 0
    while line >= 0:
        if text.startswith(_MARKER, line) and text[line + 3 : line + 4] in _AFTER_IT:
            yield line
        line = text.find(f"\n{_MARKER}", line) + 1 or -1


def not_read(part: Part, budget: Budget) -> Document:
    """That the budget is spent, in place of this part and the rest."""
    return Document(part.offset + 1, broken=f"{budget.spent} in all: this and the rest are not read")


def read_document(part: Part, budget: Budget) -> Document | None:
    """The document of one part, which is taken from the budget; None where there is none."""
    text = part.text
    # With its aliases written out a text may be twice as large: it is searched for secrets.
    weight = 2 * len(text) + 2**20
    values = min(budget.most_values - budget.values, budget.most_of_document)
    reader = YamlReader(text, weight, values, kubernetes_value, budget.most_repeated - budget.repeated)
    document = _document(reader, text, part.offset)
    budget.values += reader.values + _A_DOCUMENT
    if document is not None and not document.broken:  # what is refused is not looked at
        budget.repeated += reader.repeated
    return document


def _document(reader: YamlReader, text: str, offset: int) -> Document | None:
    try:
        data = reader.document()
    except UnsupportedYamlError as error:
        return Document(offset + error.line, broken=_why(str(error), _lines(text, error.line)))
    except yaml.MarkedYAMLError as error:
        marks = [mark.line + 1 for mark in (error.problem_mark, _begin_of_flow(error)) if mark]
        line = marks[0] if marks else first_line(text)
        return Document(offset + line, broken=_why(f"not YAML: {error.problem or error.context}", _lines(text, *marks)))
    except yaml.YAMLError as error:
        return Document(offset + first_line(text), broken=_why(f"not YAML: {str(error).splitlines()[0]}"))
    doubled = _items_of(data, reader)
    if reader.mistakes and not doubled:
        line, why = reader.mistakes[0]
        return Document(offset + line, broken=moved(_why(why), offset))
    if data is None:
        return None
    told = {number: (offset + line, moved(_why(why), offset)) for number, (line, why) in doubled.items()}
    first = offset + first_line(text)
    return Document(first, data, reader.lines, reader.literals, offset, "", "{{" in text, told)


def _items_of(data: object, reader: YamlReader) -> dict[int, tuple[int, str]]:
    """The items of a list that have a key twice, where that alone is wrong: the others are read. With an alias any of
    them may have it."""
    if not isinstance(data, dict) or not str(data.get("kind")).endswith("List") or reader.repeated:
        return {}
    found = [(_ITEM.match(why), line, why) for line, why in reader.mistakes]
    if not all(item for item, _, _ in found):
        return {}
    return {int(item[1]): (line, why) for item, line, why in reversed(found) if item}


def _begin_of_flow(error: yaml.MarkedYAMLError) -> yaml.Mark | None:
    """Of a template that is read as a mapping, where it begins."""
    return error.context_mark if "flow" in (error.context or "") or not error.problem_mark else None


def _lines(text: str, *numbers: int) -> str:
    lines = text.split("\n")
    return "\n".join(lines[number - 1] for number in numbers if 0 < number <= len(lines))


def moved(sentence: str, offset: int) -> str:
    """The sentence with so many lines more in each `on line N`."""
    return _LINE.sub(lambda found: f"on line {int(found[1]) + offset}", sentence)


def _why(error: str, there: str = "") -> str:
    """`there`: the lines of the text that are wrong."""
    if _TEMPLATE.search(there):
        return UNRENDERED
    return error[:300]


def first_line(text: str) -> int:
    """The first that has something on it, from 1."""
    lines = enumerate(io.StringIO(text), 1)
    return next((n for n, line in lines if line.strip() and not line.startswith(("---", "#"))), 1)
