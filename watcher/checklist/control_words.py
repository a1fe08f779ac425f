"""What there is to say of one control, heading by heading: the same for a terminal and for a page."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from probes.controls.catalogue.control import Control, EvidenceSpec, SourceName
from probes.controls.catalogue.terms import Absent, AttestableWhen, Automation, Bind, MembersCounted, OptIn, Scope
from probes.controls.judging import Judges


class Part(NamedTuple):
    """One heading and its lines."""

    heading: str
    lines: tuple[str, ...]


DECIDES = {
    Automation.AUTO: "The watcher, by evidence.",
    Automation.REFUTABLE: "People, by an attestation; evidence can only show that it is not met.",
    Automation.PIPELINE: "A pipeline, by its newest result.",
    Automation.HUMAN: "People, by an attestation.",
    Automation.ROLLUP: "Its members.",
}
_ABOUT = {
    Scope.AGENT: "one agent with all its pods",
    Scope.NAMESPACE: "a namespace, shown for each of its agents",
    Scope.FLEET: "the fleet, shown for each agent",
    Scope.RELEASE: "the newest rollout of an agent",
}
_ABSENT = {
    Absent.UNKNOWN: "needed",
    Absent.EITHER: "one of these is needed",
    Absent.SKIP: "used if available",
}
_WHEN = {
    AttestableWhen.OPT_IN_OFF: "the evidence is not turned on",
    AttestableWhen.OPA_ON_LOOPBACK: "its OPA listens on loopback only",
    AttestableWhen.NO_POLICY: "it is unknown NoPolicy",
    AttestableWhen.KEY_NOT_EFFECTIVE: "it is unknown KeyNotEffective",
    AttestableWhen.NOTHING_SEEN_YET: "it has been unknown NoData or Observing for 7 days",
}
TURN_ON = {
    OptIn.HOSTILE_HANDSHAKES: "checklist.hostile_handshakes",
    OptIn.LOGS: "checklist.logs",
    OptIn.TRACES: "checklist.traces",
    OptIn.PROMETHEUS: "checklist.prometheus",
    OptIn.ALERTMANAGER: "alertmanager",
    OptIn.REPORTS: "the rights on scanner reports",
    OptIn.RBAC: "the rights on roles, bindings and SPIRE's objects",
    OptIn.DOCUMENT_LINKS: "checklist.document_links",
}
"""What the operator of the watcher sets, or gives."""

_BOUND = {
    Bind.IMAGE_DIGEST: "bound to the digest of the agent's image",
    Bind.POLICY_DIGEST: "bound to the digest of the policy that is loaded",
    Bind.CONFIG_DIGEST: "bound to the digest of the agent's config",
    Bind.NONE: "bound to no digest",
}


def headline(control: Control) -> str:
    """`critical, required, owner team`."""
    required = "required" if control.required else "not required"
    return f"{control.severity}, {required}, owner {control.owner}"


def described(control: Control, judges: Judges) -> tuple[Part, ...]:
    """All there is to say; `judges`: what decides it today."""
    parts = (
        Part("The checklist asks", (control.seed.section, control.seed.item)),
        Part("Who decides", (DECIDES[control.automation], f"It is about {_ABOUT[control.scope]}.")),
        Part("Applies", (control.applies_when.words,) if control.applies_when else ()),
        Part("Pass", (control.passes,)),
        Part("Fail", (control.fails,)),
        Part("Unknown", (control.unknown,)),
        Part("Evidence", tuple(_evidence(spec) for spec in control.evidence)),
        Part("Members", _members(control)),
        Part("How to fix it", (control.remediation,)),
        Part("Not covered", (control.limits,) if control.limits else ()),
        Part("Records", _records(control)),
        Part("Decided today", (_today(control, judges),)),
    )
    return tuple(part for part in parts if part.lines)


def _evidence(spec: EvidenceSpec) -> str:
    facts = [str(spec.assurance), f"proves {' and '.join(sorted(spec.proves, reverse=True))}", _ABSENT[spec.absent]]
    if spec.max_age is not None:
        facts.append(f"at most {_age(spec.max_age)} old")
    return f"{spec.source} ({', '.join(facts)}): {spec.what}"


def _age(seconds: float) -> str:
    for unit, length in (("d", 86400), ("h", 3600)):
        if seconds % length == 0:
            return f"{seconds / length:g} {unit}"
    return f"{seconds / 60:g} min"


def _members(control: Control) -> tuple[str, ...]:
    if control.members_counted is MembersCounted.REQUIRED:
        return ("Of these, those that are required count:", *control.members)
    return control.members


def _records(control: Control) -> tuple[str, ...]:
    waiver = "It can be waived for up to 90 days." if control.waivable else "It cannot be waived."
    if control.automation is Automation.ROLLUP:
        return ("It accepts no record and no waiver; its members do.",)
    if control.record is None:
        return ("It accepts no record.", waiver)
    kinds = " or ".join(f"{'an' if kind[0] == 'a' else 'a'} {kind} record" for kind in control.record.kinds)
    holds = (
        f"{kinds.capitalize()} is valid for up to {_age(control.record.max_validity)}, {_BOUND[control.record.bind]}."
    )
    counts = [rule.text for rule in control.record.counts]
    brings = (f"A pipeline's result must have: {', '.join(counts)}.",) if counts else ()
    return (holds, *_while(control), *brings, waiver)


def _while(control: Control) -> tuple[str, ...]:
    when = [_WHEN[each] for each in control.attestable_when if each is not AttestableWhen.ALWAYS]
    if not when:
        return ()
    return (f"It counts only while {' or '.join(when)}.",)


class Today(NamedTuple):
    """What decides a control in this version: sources of its evidence, beside records."""

    judged: tuple[SourceName, ...]
    later: tuple[SourceName, ...]  # not judged yet
    can_pass: bool  # whether all that a pass by a machine needs is judged


def today(control: Control, judges: Judges) -> Today:
    """Which of its evidence this version judges."""
    judged = {source for each in judges.controls.get(control.id, ()) for source in each.sources}
    machine = [spec for spec in control.evidence if spec.source is not SourceName.RECORD]
    needed = [spec.source in judged for spec in machine if spec.absent is Absent.UNKNOWN]
    either = [spec.source in judged for spec in machine if spec.absent is Absent.EITHER]
    proving = any("pass" in spec.proves for spec in machine if spec.source in judged)
    return Today(
        tuple(spec.source for spec in machine if spec.source in judged),
        tuple(spec.source for spec in machine if spec.source not in judged),
        proving and all(needed) and (any(either) or not either),
    )


def _today(control: Control, judges: Judges) -> str:
    if control.automation is Automation.ROLLUP:
        return "By its members."
    by, later, can_pass = today(control, judges)
    told = f"From {_joined(by)}." if by else "From no evidence: it is unknown."
    if control.automation is not Automation.AUTO:
        told = f"By a record; evidence from {_joined(by)} can fail it." if by else "By a record alone."
    turn_on = f" Enable it with {TURN_ON[control.opt_in]}." if control.opt_in and by and not later else ""
    cannot_pass = (
        " So it can fail, but not pass yet." if control.automation is Automation.AUTO and by and not can_pass else ""
    )
    return told + (f" Not yet judged: {_joined(later)}." if later else "") + cannot_pass + turn_on


def _joined(names: Sequence[SourceName]) -> str:
    return ", ".join(names)


def as_json(control: Control, judges: Judges) -> Mapping[str, object]:
    """The entry as the catalogue has it, with seconds for durations, and which sources are judged today."""
    judged = sorted({source for each in judges.controls.get(control.id, ()) for source in each.sources})
    return {
        "id": control.id,
        "revision": control.revision,
        "title": control.title,
        "seed": {"section": control.seed.section, "item": control.seed.item},
        "severity": control.severity,
        "owner": control.owner,
        "required": control.required,
        "scope": control.scope,
        "automation": control.automation,
        "opt_in": control.opt_in,
        "attestable_when": control.attestable_when,
        "applies_when": {"key": control.applies_when.key, "words": control.applies_when.words}
        if control.applies_when
        else None,
        "evidence": [_spec_json(spec) for spec in control.evidence],
        "pass": control.passes,
        "fail": control.fails,
        "unknown": control.unknown,
        "fail_reasons": control.fail_reasons,
        "unknown_reasons": control.unknown_reasons,
        "declared_pass": control.declared_pass,
        "confirmations": control.confirmations,
        "record": _record_json(control),
        "waivable": control.waivable,
        "members": control.members,
        "members_counted": control.members_counted,
        "remediation": control.remediation,
        "limits": control.limits,
        "judged_today": judged,
    }


def _spec_json(spec: EvidenceSpec) -> Mapping[str, object]:
    return {
        "source": spec.source,
        "what": spec.what,
        "proves": sorted(spec.proves, reverse=True),
        "absent": spec.absent,
        "max_age_seconds": spec.max_age,
        "assurance": spec.assurance,
    }


def _record_json(control: Control) -> Mapping[str, object] | None:
    if control.record is None:
        return None
    return {
        "kinds": control.record.kinds,
        "max_validity_seconds": control.record.max_validity,
        "bind": control.record.bind,
        "counts": [rule.text for rule in control.record.counts],
    }
