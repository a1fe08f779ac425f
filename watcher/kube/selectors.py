"""Which labels does a Kubernetes label selector select?"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from watcher.text.key_path import plain_name

MOST_REQUIREMENTS, MOST_VALUES, LONGEST_KEY = 100, 1000, 317


class SelectorError(ValueError):
    """This is no label selector; a sentence."""


class Operator(StrEnum):
    """How a key is compared."""

    IN = "In"
    NOT_IN = "NotIn"
    EXISTS = "Exists"
    DOES_NOT_EXIST = "DoesNotExist"


@dataclass(frozen=True, slots=True)
class Requirement:
    """What must be so of one key."""

    key: str
    operator: Operator
    values: frozenset[str] = frozenset()

    def holds(self, labels: Mapping[str, str]) -> bool:
        """Whether it is so; a label that is not there is not in any set."""
        match self.operator:
            case Operator.IN:
                return self.key in labels and labels[self.key] in self.values
            case Operator.NOT_IN:
                return self.key not in labels or labels[self.key] not in self.values
            case Operator.EXISTS:
                return self.key in labels
            case Operator.DOES_NOT_EXIST:
                return self.key not in labels


Selector = tuple[Requirement, ...]


def selects(selector: Selector, labels: Mapping[str, str]) -> bool:
    """Whether all of it holds; an empty one selects everything."""
    return all(requirement.holds(labels) for requirement in selector)


def read_selector(raw: object) -> Selector:
    """A `LabelSelector` (meta/v1); SelectorError where Kubernetes would not take it either. Left out, it is empty."""
    if raw is None:
        return ()
    if not isinstance(raw, dict) or not raw.keys() <= {"matchLabels", "matchExpressions"}:
        raise SelectorError(f"expected matchLabels and matchExpressions, got {_keys(raw)}")
    labels, expressions = raw.get("matchLabels") or {}, raw.get("matchExpressions") or []
    if not isinstance(labels, dict) or not isinstance(expressions, list):
        raise SelectorError("expected a mapping as matchLabels and a list as matchExpressions")
    if len(labels) + len(expressions) > MOST_REQUIREMENTS:
        raise SelectorError(f"expected at most {MOST_REQUIREMENTS} requirements")
    alike = (Requirement(_key(key), Operator.IN, frozenset({_text(value)})) for key, value in labels.items())
    return (*alike, *map(_requirement, expressions))


def _requirement(raw: object) -> Requirement:
    if not isinstance(raw, dict) or not raw.keys() <= {"key", "operator", "values"}:
        raise SelectorError(f"expected key, operator and values, got {_keys(raw)}")
    values = raw.get("values") or []
    if not isinstance(values, list) or len(values) > MOST_VALUES:
        raise SelectorError(f"expected a list of at most {MOST_VALUES} values")
    try:
        operator = Operator(str(raw.get("operator")))
    except ValueError:
        raise SelectorError(f"expected one of {', '.join(Operator)}, got {plain_name(raw.get('operator'))}") from None
    if bool(values) != (operator in (Operator.IN, Operator.NOT_IN)):
        raise SelectorError(f"expected {'no' if values else 'some'} values with the operator {operator}")
    return Requirement(_key(raw.get("key")), operator, frozenset(map(_text, values)))


def _key(raw: object) -> str:
    if not isinstance(raw, str) or not 0 < len(raw) <= LONGEST_KEY:
        raise SelectorError(f"expected the key of a label, got {plain_name(raw)}")
    return raw


def _text(raw: object) -> str:
    if not isinstance(raw, str):
        raise SelectorError(f"expected the value of a label, got {plain_name(raw)}")
    return raw


def _keys(raw: object) -> str:
    return plain_name(", ".join(map(str, raw))) if isinstance(raw, dict) else plain_name(raw)
