"""The tree of routes of an Alertmanager's configuration, with its matchers as Alertmanager reads them; pure.

It gives its configuration as it understood it: `match` and `match_re` as maps, `matchers` as texts, a list of them or
one in braces. A text that is not understood makes all of it unreadable: half a tree routes alerts elsewhere.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from probes.controls.evidence.alertmanager import Matcher, Route

_DEEPEST, _MOST = 20, 2_000
_QUOTED = r'"(?:[^"\\]|\\.)*"'
_MATCHER = re.compile(
    rf"""\s*(?P<label>{_QUOTED}|[^\s"=!~,{{}}]+)\s*(?P<operator>=~|!~|!=|=)\s*(?P<value>{_QUOTED}|[^"]*)\s*""",
    re.DOTALL,
)
_ONE_OF_SEVERAL = re.compile(
    rf"""\s*(?P<label>{_QUOTED}|[^\s"=!~,{{}}]+)\s*(?P<operator>=~|!~|!=|=)\s*(?P<value>{_QUOTED}|[^\s",{{}}]*)\s*(?:,|$)""",
    re.DOTALL,
)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


def read_route(config: Mapping[str, Any]) -> Route:
    """The route that all others are within; ValueError where it cannot be read."""
    found = config.get("route")
    return _route(_checked(found, isinstance(found, dict)), "", 0, [0])


def _route(given: Mapping[str, Any], around: str, deep: int, count: list[int]) -> Route:
    count[0] += 1
    if deep > _DEEPEST or count[0] > _MOST:
        raise ValueError("its routes are too many to be read")
    receiver, within = given.get("receiver") or around, given.get("routes") or []
    is_list = isinstance(within, list) and all(isinstance(each, dict) for each in within)
    routes = tuple(_route(each, receiver, deep + 1, count) for each in _checked(within, is_list))
    return Route(str(receiver), tuple(_matchers(given)), given.get("continue") is True, routes)


def _matchers(given: Mapping[str, Any]) -> Iterator[Matcher]:
    for key, operator in (("match", "="), ("match_re", "=~")):
        found = given.get(key) or {}
        of_labels = _checked(found, isinstance(found, dict)).items()
        yield from (Matcher(str(label), operator, _scalar(value)) for label, value in of_labels)
    texts = given.get("matchers") or []
    for text in texts if isinstance(texts, list) else [texts]:
        yield from _parsed(_checked(text, isinstance(text, str)))


def _checked(found: Any, is_right: object) -> Any:
    """What was found, where it has the right shape."""
    if not is_right:
        raise ValueError("its configuration has routes of another shape")
    return found


def _scalar(value: object) -> str:
    return value if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)


def _parsed(text: str) -> Iterator[Matcher]:
    inner = text.strip()
    if not inner.startswith("{") and (found := _MATCHER.fullmatch(inner)) is not None:
        yield _matcher(found)
        return
    inner, at = inner.removeprefix("{").removesuffix("}").strip(), 0
    while at < len(inner):
        found = _ONE_OF_SEVERAL.match(inner, at)
        if found is None:
            raise ValueError("a matcher of its configuration cannot be read")
        yield _matcher(found)
        at = found.end()


def _matcher(found: "re.Match[str]") -> Matcher:
    return Matcher(_unquoted(found["label"]), found["operator"], _unquoted(found["value"].strip()))


def _unquoted(text: str) -> str:
    if not (len(text) > 1 and text.startswith('"') and text.endswith('"')):
        return text
    return _ESCAPE.sub(lambda found: {"n": "\n"}.get(found[1], found[1]), text[1:-1])
