"""Whether a control applies to an agent: by a fact that is proven, and by nothing that is too old to prove anything."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import TypeAlias

from probes.controls.catalogue.control import Control, FactKey, SourceName, UnknownReason
from probes.controls.evidence import EvidenceSet, Missing, Seen
from probes.controls.judging import Facts, Judges, Raised, asked

Answers: TypeAlias = dict[FactKey, bool | Missing]
Sources: TypeAlias = Mapping[SourceName, Seen[object] | Missing]
_OLD = Missing(UnknownReason.STALE, "The newest evidence is too old.")


def applies_to(
    control: Control, evidence: EvidenceSet, facts: Facts, judges: Judges, answers: Answers
) -> bool | Missing:
    """False where it surely does not; Missing where that is not known. `answers`: what was found out before."""
    if control.applies_when is None:
        return True
    key = control.applies_when.key
    if key not in answers:
        answers[key] = _answer(key, _fresh(control, evidence, facts.now), facts, judges)
    return answers[key]


def _fresh(control: Control, evidence: EvidenceSet, now: float) -> EvidenceSet:
    """Without what is too old to prove anything: no fact is proven by it either."""
    ages = [spec.max_age for spec in control.evidence if spec.max_age is not None]
    if not ages:
        return evidence
    oldest = now - max(ages)
    pods = {
        name: replace(pod, sources=_since_of(pod.sources, oldest)) if _has_old(pod.sources, oldest) else pod
        for name, pod in evidence.pods.items()
    }
    return replace(evidence, sources=_since_of(evidence.sources, oldest), pods=pods)


def _has_old(sources: Sources, oldest: float) -> bool:
    return any(isinstance(found, Seen) and found.observed_at < oldest for found in sources.values())


def _since_of(sources: Sources, oldest: float) -> Sources:
    return {
        source: _OLD if isinstance(found, Seen) and found.observed_at < oldest else found
        for source, found in sources.items()
    }


def _answer(key: FactKey, evidence: EvidenceSet, facts: Facts, judges: Judges) -> bool | Missing:
    judge = judges.facts.get(key)
    if judge is None:
        return Missing(UnknownReason.SOURCE_MISSING, "This version cannot decide whether the control applies.")
    answer = asked(partial(judge, evidence, facts))
    if isinstance(answer, Raised):
        message = f"Whether the control applies could not be decided: this is a bug of the watcher ({answer.what})."
        return Missing(UnknownReason.EVALUATOR_ERROR, message)
    return answer
