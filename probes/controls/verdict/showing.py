"""What people are shown of a verdict: one sentence, the evidence that it rests on, and the pods."""

from collections.abc import Mapping, Sequence

from probes.controls.evidence import Seen
from probes.controls.finding import EvidenceShown, State
from probes.controls.judging import Says, Statement
from probes.controls.verdict.scales import Weighed

# Names of members: to look one up at its Enum takes ten times as long, and this is asked of each pod and control.
_PASS, _FAIL, _UNKNOWN = State.PASS, State.FAIL, State.UNKNOWN
_BAD, _UNCLEAR = Says.BAD, Says.UNCLEAR

LONGEST = 200
"""Characters of a message."""


def message_of(said: Sequence[tuple[Weighed, Statement]]) -> str:
    """What these statements say, each sentence once, with the pods that it is of."""
    pods: dict[str, list[str]] = {}
    for _, each in said:
        pods.setdefault(each.message, []).append(each.pod)
    sentences = [_with_pods(message, [name for name in names if name]) for message, names in pods.items()]
    kept: list[str] = []
    for sentence in sentences:
        if kept and len(" ".join([*kept, sentence])) > LONGEST - 12:
            return f"{' '.join(kept)} ({len(sentences) - len(kept)} more)"
        kept.append(sentence)
    return cut(" ".join(kept))


def _with_pods(message: str, names: list[str]) -> str:
    if not names:
        return message
    more = f" and {len(names) - 2} more" if len(names) > 2 else ""
    return f"{', '.join(names[:2])}{more}: {message}"


def cut(text: str) -> str:
    """The text as long as a message may be."""
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def shown(parts: Sequence[Weighed]) -> tuple[EvidenceShown, ...]:
    """The evidence that was seen, each once."""
    found = {
        EvidenceShown(
            part.spec.source, _ref(part, part.found), part.found.observed_at, part.found.summary, part.witness.pod
        )
        for part in parts
        if isinstance(part.found, Seen)
    }
    return tuple(sorted(found))


def _ref(part: Weighed, found: Seen[object]) -> str:
    """Where it was seen: what is bad before what is open, and that before what is good."""
    said = part.statements
    if len(said) > 1:
        said = (*part.says(_BAD), *part.says(_UNCLEAR), *said)
    return next((each.ref for each in said if each.ref), found.ref)


def pod_states(parts: Sequence[Weighed]) -> Mapping[str, State]:
    """What was seen of each pod that has a vote."""
    states: dict[str, State] = {}
    for part in parts:
        if name := part.witness.pod:
            found, before = _state(part), states.get(name, _PASS)
            states[name] = found if before is _PASS or found is _FAIL else before
    return states


def _state(part: Weighed) -> State:
    if part.says(_BAD):
        return _FAIL
    return _PASS if part.clean else _UNKNOWN
