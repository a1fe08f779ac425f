"""Whether the agent's container starts, and stays."""

from collections.abc import Iterator

from probes.controls.catalogue.control import Control, UnknownReason
from probes.controls.evidence import EvidenceSet, LivePod, Missing
from probes.controls.evidence.revisions import lasts, newest_revisions
from probes.controls.judges import looked
from probes.controls.judges.kubernetes_object.case import POD
from probes.controls.judges.kubernetes_pod.case import PodCase
from probes.controls.judging import Facts, Says, Statement, judge

FIRST = 300.0
"""Seconds after its start in which it must not restart."""

_CRASHES = "CrashLoopBackOff"
_RESTARTED = "The agent's container restarted in its first 5 min."


@judge("predeploy.smoke.agent-starts", of=[POD])
def agent_starts(control: Control, evidence: EvidenceSet, facts: Facts) -> Iterator[Statement]:
    """Each pod; also those of the newest revision that never became Ready, which have no vote of their own."""
    newest = newest_revisions(evidence.pods)
    for pod, found in evidence.of_pods(POD, LivePod):
        if isinstance(found, Missing) or pod.terminating:
            continue
        case = looked.PodCase(control, POD, pod, found, facts, evidence)
        if pod.ready_since is not None:
            yield from _of_pod(case)
        elif lasts(pod, newest):
            yield from _unready(case)


def _unready(case: PodCase) -> Iterator[Statement]:
    """Of a pod without a vote: that it crashes is bad for all; while it runs in between nothing is proven."""
    if why := _wrong(case):
        yield Statement(POD, Says.BAD, why, case.found.ref)
    elif case.facts.now - case.seen.run.created_at >= FIRST and not _has_started(case):
        said = "A pod is not Ready, and whether its agent's container started without a restart is not known."
        yield Statement(POD, Says.UNCLEAR, said, case.found.ref, reason=UnknownReason.NO_DATA)


def _has_started(case: PodCase) -> bool:
    agent = case.seen.agent
    return agent is not None and agent.started and not (agent.restarts and case.seen.first_ended is None)


def _of_pod(case: PodCase) -> Iterator[Statement]:
    agent = case.seen.agent
    first = case.seen.first_ended
    if agent is None:
        yield case.unclear(UnknownReason.NO_DATA, "Nothing is said of the agent's container.")
    elif why := _wrong(case):
        yield case.bad(why)
    elif case.facts.now - case.seen.run.created_at < FIRST:
        told = "The pod is not older than 5 min."
        yield case.unclear(UnknownReason.OBSERVING, told, case.seen.run.created_at + FIRST)
    elif not agent.started:
        yield case.unclear(UnknownReason.OBSERVING, "The agent's container has not started.")
    elif agent.restarts and first is None:
        yield case.unclear(
            UnknownReason.NO_DATA, "The agent's container restarted, and when it first did is not known."
        )
    else:
        yield case.good("The agent's container started, and did not restart in its first 5 min.")


def _wrong(case: PodCase) -> str:
    """What speaks against it, a sentence; empty where nothing does."""
    agent, first = case.seen.agent, case.seen.first_ended
    if agent is None:
        return ""
    if agent.waiting == _CRASHES:
        return f"The agent's container waits with {_CRASHES}."
    if not agent.restarts:
        return ""
    if first is not None and first.started_at and first.finished_at - first.started_at <= FIRST:
        return _RESTARTED
    soon = agent.ended is not None and 0 < agent.ended.finished_at <= case.seen.run.created_at + FIRST
    return _RESTARTED if soon else ""
