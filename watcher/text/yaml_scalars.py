"""What does an unquoted scalar stand for, to those who read YAML 1.1? Not what it stands for in YAML 1.2.

`0440` is 288 to Kubernetes and to an agent, and `yes` is true: who reads their files reads them as they do.
"""

import math
import re

import yaml

from watcher.text.yaml_reader import Scalar, plain_value

_GO_WORDS = {
    **{word: True for yes in ("y", "yes", "on") for word in (yes, yes.capitalize(), yes.upper())},
    **{word: False for no in ("n", "no", "off") for word in (no, no.capitalize(), no.upper())},
}
_GO_INT = re.compile(r"([-+]?)(?:0(x[0-9a-fA-F]+|o?[0-7]+|b[01]+)|([1-9][0-9]*|0))")
_LONGEST = 300
"""Characters of a number."""

_RESOLVER, _CONSTRUCTOR = yaml.SafeLoader(""), yaml.constructor.SafeConstructor()
_MAY_BE_MORE = frozenset(yaml.SafeLoader.yaml_implicit_resolvers)
"""First characters of what may be something else than text."""

_READ = {
    "tag:yaml.org,2002:null": _CONSTRUCTOR.construct_yaml_null,
    "tag:yaml.org,2002:bool": _CONSTRUCTOR.construct_yaml_bool,
    "tag:yaml.org,2002:int": _CONSTRUCTOR.construct_yaml_int,
    "tag:yaml.org,2002:float": _CONSTRUCTOR.construct_yaml_float,
}


def kubernetes_value(text: str) -> Scalar:
    """As kubectl and Helm read it: sigs.k8s.io/yaml, which is go-yaml 2."""
    if text in _GO_WORDS:
        return _GO_WORDS[text]
    if not text or text[0] not in "-+.0123456789" or len(text) > _LONGEST:
        return plain_value(text)
    number = text.replace("_", "")
    if match := _GO_INT.fullmatch(number):
        sign, prefixed, decimal = match.groups()
        value = int(decimal) if prefixed is None else _prefixed(prefixed)
        return -value if sign == "-" else value
    return plain_value(number) if isinstance(plain_value(number), int | float) else text


def _prefixed(digits: str) -> int:
    base = {"x": 16, "o": 8, "b": 2}.get(digits[0])
    return int(digits, 8) if base is None else int(digits[1:], base)


def agent_value(text: str) -> Scalar:
    """As an agent reads its config: PyYAML's safe_load. What JSON cannot hold, such as a date, stays text."""
    if len(text) > _LONGEST or (text and text[0] not in _MAY_BE_MORE):
        return text
    tag = _RESOLVER.resolve(yaml.ScalarNode, text, (True, False))  # type: ignore[no-untyped-call]  # theirs
    try:
        value = _READ[tag](yaml.ScalarNode(tag, text)) if tag in _READ else text
    except ValueError:  # such as 08_: PyYAML raises, and so does the agent
        return text
    return text if isinstance(value, float) and not math.isfinite(value) else value
