"""What people call the phases, states and outcomes of a rollout."""

from probes.contract.units import utc
from watcher.rollouts.rollout import Line, Revision, Rollout
from watcher.rollouts.terms import LineState, Outcome, Phase, Undecided, Window

WINDOWS = {
    Window.IMMEDIATE: "Immediate Checks (0-15 minutes)",
    Window.SHORT: "Short-term Checks (15 minutes - 1 hour)",
    Window.LONG: "Long-term Monitoring (1+ hours)",
}
"""The windows in the checklist's words."""

PHASES = {
    Phase.PROGRESSING: "rolling out",
    Phase.CANARY: "canary",
    Phase.IMMEDIATE: "immediate checks",
    Phase.SHORT_TERM: "short-term checks",
    Phase.LONG_TERM: "long-term monitoring",
    Phase.VERIFIED: "verified",
    Phase.FAILED: "failed",
    Phase.UNDECIDED: "undecided",
    Phase.ROLLED_BACK: "rolled back",
    Phase.SUPERSEDED: "superseded",
}

MARKS = {
    LineState.PASS: "✓",
    LineState.FAIL: "✗",
    LineState.UNDECIDED: "?",
    LineState.NOT_APPLICABLE: "-",
}

STATES = {
    LineState.PASS: "pass",
    LineState.FAIL: "fail",
    LineState.UNDECIDED: "undecided",
    LineState.NOT_APPLICABLE: "not applicable",
}

_REASONS = {
    Undecided.SETTLING.value: "its window is not over",
    Undecided.NO_DATA.value: "what was seen decides nothing",
    Undecided.WATCHER_IMPAIRED.value: "the watcher could not see for a part of it",
}

COLOURS = {
    Phase.VERIFIED: "false",
    Phase.FAILED: "true",
    Phase.ROLLED_BACK: "true",
    Outcome.VERIFIED: "false",
    Outcome.FAILED: "true",
    LineState.PASS: "false",
    LineState.FAIL: "true",
}
"""The class of a mark on a page; what is not named here is neither good nor bad."""


def line_said(line: Line) -> str:
    """Why a line is as it is, in a sentence; what is undecided says why it is."""
    why = line.message or _REASONS.get(line.reason, line.reason)
    return f"{line.reason}: {why}" if line.state is LineState.UNDECIDED and line.reason else why


def line_dated(line: Line) -> str:
    """The same, with when it was decided before it."""
    said = line_said(line)
    return ": ".join(filter(None, (utc(line.decided_at) if line.decided_at is not None else "", said)))


def version_of(rollout: Rollout) -> tuple[str, bool]:
    """The version that people know it by, and whether that is only claimed: by an annotation, else the image's tag."""
    claimed = rollout.claimed.get("version", "").strip()
    if claimed:
        return claimed, True
    return tag_of(rollout.revision) or short_image(rollout.revision), False


def tag_of(revision: Revision) -> str:
    """The tag of the image, as the pod template has it; empty where it has none."""
    name = revision.reference.partition("@")[0].rpartition("/")[2]
    return name.partition(":")[2]


def short_image(revision: Revision) -> str:
    """The digest of the image, cut for a line."""
    kind, colon, digest = revision.image.partition(":")
    return f"{kind}:{digest[:12]}" if colon and len(digest) == 64 else revision.image
