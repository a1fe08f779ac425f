"""Roll-ups: the verdict on a control that is nothing but its members."""

from collections.abc import Mapping

from probes.controls.catalogue.control import Assurance, Control, UnknownReason
from probes.controls.catalogue.terms import FailReason, MembersCounted
from probes.controls.finding import Finding, State

_WORST_FIRST = (State.FAIL, State.UNKNOWN, State.EXPIRED, State.WAIVED, State.ATTESTED, State.PASS)

# Names of members: to look one up at its Enum takes ten times as long, and this is asked of each control and agent.
_NOT_APPLICABLE, _ALL = State.NOT_APPLICABLE, MembersCounted.ALL


def roll_up(
    control: Control,
    findings: Mapping[str, Finding],
    required: frozenset[str],
    now: float,
    previous: Finding | None = None,
) -> Finding:
    """Of the findings of its members by id; `required`: ids that the agent's profile requires.

    Fail if any that counts fails, else unknown, expired, waived, attested, pass; what does not apply does not count. A
    member without a finding is unknown. With none that applies it does not apply either.
    """
    members = [each for each in control.members if control.members_counted is _ALL or each in required]
    counted = [findings.get(each) or _missing(each, now) for each in members]
    applying = [each for each in counted if each.state is not _NOT_APPLICABLE]
    worst = min((each.state for each in applying), key=_WORST_FIRST.index, default=_NOT_APPLICABLE)
    deciding = [each for each in applying if each.state is worst]
    finding = Finding(
        control=control.id,
        state=worst,
        underlying=worst,
        reason=_reason(worst, deciding),
        assurance=_weakest(applying) if worst is State.PASS else None,
        message=_message(worst, deciding, len(applying)),
        since=now,
        next_decided_at=max((each.next_decided_at for each in deciding if each.next_decided_at), default=None),
    )
    return finding._replace(since=previous.since) if previous and previous.state is worst else finding


def without_waivers(
    findings: Mapping[str, Finding], controls: Mapping[str, Control], required: frozenset[str]
) -> dict[str, Finding]:
    """What these findings are under the waivers, roll-ups over them too."""
    found = {
        name: each._replace(state=each.underlying, record=None)
        for name, each in findings.items()
        if not controls[name].members and each.state is State.WAIVED
    }
    if not found:
        return dict(findings)
    for name in findings:
        _again(controls[name], found, findings, controls, required)
    return {name: found[name] for name in findings}


def _again(
    control: Control,
    found: dict[str, Finding],
    before: Mapping[str, Finding],
    controls: Mapping[str, Control],
    required: frozenset[str],
) -> None:
    """Members first: a roll-up may be a member of another one."""
    if control.id in found:
        return
    if control.members and before[control.id].state is State.WAIVED:
        for member in control.members:
            if member in before:
                _again(controls[member], found, before, controls, required)
        found[control.id] = roll_up(control, found, required, before[control.id].since)
    else:
        found[control.id] = before[control.id]


def _missing(member: str, now: float) -> Finding:
    reason, message = UnknownReason.SOURCE_MISSING, "Not judged."
    return Finding(
        control=member, state=State.UNKNOWN, underlying=State.UNKNOWN, reason=reason, message=message, since=now
    )


def _reason(worst: State, deciding: list[Finding]) -> str:
    if worst is State.FAIL:
        return FailReason.VIOLATED
    return deciding[0].reason if worst in (State.UNKNOWN, State.EXPIRED, State.WAIVED) else ""


def _weakest(applying: list[Finding]) -> Assurance | None:
    return max((each.assurance for each in applying if each.assurance), key=lambda each: each.rank, default=None)


_WORDS = {
    State.FAIL: "fail",
    State.UNKNOWN: "are unknown",
    State.EXPIRED: "are expired",
    State.WAIVED: "are waived",
    State.ATTESTED: "are attested",
}


def _message(worst: State, deciding: list[Finding], applying: int) -> str:
    if worst is _NOT_APPLICABLE:
        return "None of its members applies."
    if worst is State.PASS:
        return f"All {applying} members that count pass."
    names = ", ".join(each.control for each in deciding[:2])
    more = f" and {len(deciding) - 2} more" if len(deciding) > 2 else ""
    return f"{len(deciding)} of {applying} {_WORDS[worst]}: {names}{more}."
