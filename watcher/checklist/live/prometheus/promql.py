"""Which series can make a PromQL expression give something? Found in its text; nothing is evaluated.

1. The text is cut into tokens; one that is not PromQL's makes the whole untellable.
2. A name or braces that are no function, operator, grouping or duration are a selector.
3. Not counted are selectors on the right of `unless` and of `and`: they only take away. The same in absent(): it gives
   something where there is nothing.
4. What makes labels of its own, such as label_replace(), leaves it open whose series they are.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

LONGEST = 20_000
"""Characters of an expression that are read."""

_TOKEN = re.compile(
    r"""\s+|\#[^\n]*
    |(?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`)
    |(?P<number>0[xX][0-9a-fA-F]+|(?:\d+(?:ms|[smhdwy]))+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
    |(?P<name>[A-Za-z_:][A-Za-z0-9_:]*)
    |(?P<sign>=~|!~|==|!=|<=|>=|[-+*/%^<>=(){}\[\],:@])""",
    re.VERBOSE,
)
_GROUPINGS = ("by", "without", "on", "ignoring", "group_left", "group_right")
_WORDS = ("and", "or", "unless", "atan2", "bool", "offset", "inf", "nan")
_ABSENT = ("absent", "absent_over_time")
_RELABELS = ("label_replace", "label_join", "count_values", "info")


class Selector(NamedTuple):
    """One vector selector."""

    name: str  # of the metric; empty where only matchers tell
    matchers: tuple[tuple[str, str, str], ...]  # label, operator, the value as it is quoted

    def text(self, *more: str) -> str:
        """As PromQL, with further matchers."""
        return f"{self.name}{{{','.join([*(''.join(each) for each in self.matchers), *more])}}}"


@dataclass(frozen=True, slots=True)
class Selected:
    """What an expression selects."""

    selectors: tuple[Selector, ...]
    untellable: str = ""  # why these do not tell whose series it is about, a part of a sentence


class _UnreadableError(ValueError):
    pass


@dataclass(slots=True)
class _Frame:
    counts: bool = True
    taken_away: bool = False  # on the right of `and` or `unless`


@dataclass(slots=True)
class _Found:
    selectors: list[Selector] = field(default_factory=list)
    why: str = ""


def selected(expression: str) -> Selected:
    """The selectors that must give series so that the expression gives any."""
    try:
        found = _walk(_tokens(expression))
    except _UnreadableError as error:
        return Selected((), str(error))
    why = found.why or ("" if found.selectors else "its expression selects no series")
    return Selected(tuple(dict.fromkeys(found.selectors)), why)


def _tokens(text: str) -> list[tuple[str, str]]:
    if len(text) > LONGEST:
        raise _UnreadableError("its expression is too long to be read")
    tokens, at = [], 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise _UnreadableError("its expression cannot be read")
        if found.lastgroup is not None:
            tokens.append((found.lastgroup, found[0]))
        at = found.end()
    return tokens


def _walk(tokens: Sequence[tuple[str, str]]) -> _Found:
    found, frames, at = _Found(), [_Frame()], 0
    while at < len(tokens):
        kind, text = tokens[at]
        after = tokens[at + 1][1] if at + 1 < len(tokens) else ""
        if kind == "name":
            at = _name(tokens, at, frames, found, after)
        elif text == "{":
            at = _selector(tokens, at, frames[-1], found)
        elif text == "[":
            at = _closing(tokens, at, "[", "]")
        else:
            _sign(text, frames)
        at += 1
    return found


def _name(tokens: Sequence[tuple[str, str]], at: int, frames: list[_Frame], found: _Found, after: str) -> int:
    """Take the name that stands there; where the last token of it is."""
    word = tokens[at][1].lower()
    if word in _GROUPINGS and after == "(":
        return _closing(tokens, at + 1, "(", ")")
    if word in _WORDS or word in _GROUPINGS:
        _operator(frames[-1], word)
        return at
    if after == "(":
        frames.append(_entered(frames[-1], word, found))
        return at + 1
    if after.lower() in ("by", "without"):
        _relabels(frames[-1], word, found)
        return at
    return _selector(tokens, at, frames[-1], found)


def _sign(text: str, frames: list[_Frame]) -> None:
    if text == "(":
        frames.append(_Frame(_counts(frames[-1])))
    elif text == ",":
        frames[-1].taken_away = False
    elif text == ")":
        if len(frames) == 1:
            raise _UnreadableError("its expression cannot be read")
        frames.pop()


def _operator(frame: _Frame, word: str) -> None:
    if word in ("and", "unless"):
        frame.taken_away = True
    elif word == "or":
        frame.taken_away = False


def _counts(frame: _Frame) -> bool:
    return frame.counts and not frame.taken_away


def _entered(around: _Frame, function: str, found: _Found) -> _Frame:
    counts = _counts(around)
    if counts and function in _ABSENT:
        found.why = found.why or f"{function}() fires where there is nothing"
    _relabels(around, function, found)
    return _Frame(counts and function not in _ABSENT)


def _relabels(frame: _Frame, function: str, found: _Found) -> None:
    if _counts(frame) and function in _RELABELS:
        found.why = found.why or f"{function}() makes labels of its own"


def _selector(tokens: Sequence[tuple[str, str]], at: int, frame: _Frame, found: _Found) -> int:
    """Take the selector that begins there; where its last token is."""
    kind, text = tokens[at]
    name, end = (text, at) if kind == "name" else ("", at - 1)
    matchers: tuple[tuple[str, str, str], ...] = ()
    if end + 1 < len(tokens) and tokens[end + 1][1] == "{":
        begin, end = end + 1, _closing(tokens, end + 1, "{", "}")
        matchers = tuple(_matchers(tokens[begin + 1 : end]))
    if _counts(frame):
        found.selectors.append(Selector(name, matchers))
    return end


def _matchers(tokens: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str, str]]:
    at = 0
    while at < len(tokens):
        texts = [text for _, text in tokens[at : at + 3]]
        if len(texts) == 3 and texts[1] in ("=", "!=", "=~", "!~") and tokens[at + 2][0] == "string":
            yield (texts[0], texts[1], texts[2])
            at += 3
        elif tokens[at][0] == "string":  # a name in quotes, which may have any letters
            yield ("__name__", "=", tokens[at][1])
            at += 1
        else:
            raise _UnreadableError("its expression cannot be read")
        if at < len(tokens) and tokens[at][1] != ",":
            raise _UnreadableError("its expression cannot be read")
        at += 1


def _closing(tokens: Sequence[tuple[str, str]], at: int, opening: str, closing: str) -> int:
    depth = 0
    for place in range(at, len(tokens)):
        depth += (tokens[place][1] == opening) - (tokens[place][1] == closing)
        if depth == 0:
            return place
    raise _UnreadableError("its expression cannot be read")
