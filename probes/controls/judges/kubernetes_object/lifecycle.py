"""How long a pod may take to end, and whether a version before can be had back."""

from collections.abc import Iterator

from probes.controls.catalogue.control import Control, UnknownReason
from probes.controls.evidence import EvidenceSet, KubeObject, Missing, Seen
from probes.controls.judges.kubernetes_object.case import (
    OBJECT,
    TemplateCase,
    bad,
    good,
    lacking,
    mapping,
    mappings,
    objects_of,
    short,
    template_judge,
    unclear,
)
from probes.controls.judges.kubernetes_object.deployed_by import tool_of
from probes.controls.judges.kubernetes_object.pre_stop import pre_stop_sleep
from probes.controls.judging import Facts, Statement, judge

DRAIN = 35
"""Seconds: the drain of the checklist's own example, 30, and 5 more."""

_WITH_REVISIONS = ("Deployment", "StatefulSet", "DaemonSet", "Rollout")
_WITHOUT = ("Pod", "Job", "CronJob", "ReplicaSet", "ReplicationController")


@template_judge("reliability.shutdown.timeout", pods=True)
def grace_period(case: TemplateCase) -> Iterator[Statement]:
    """terminationGracePeriodSeconds is at least DRAIN and the longest preStop sleep."""
    given = case.template.spec.get("terminationGracePeriodSeconds")
    sleeps = {each.name: pre_stop_sleep(each.body) for each in case.template.containers()}
    wanted = DRAIN + max((each for each in sleeps.values() if each is not None), default=0.0)
    unread = next((name for name, each in sleeps.items() if each is None), None)
    ref = case.template.at(case.template.spec, "terminationGracePeriodSeconds")
    if given is None:
        yield bad("terminationGracePeriodSeconds is not set, so it is 30 s, as long as the drain.", ref)
    elif isinstance(given, bool) or not isinstance(given, int):
        yield unclear(UnknownReason.UNPARSEABLE, "terminationGracePeriodSeconds is no whole number.", ref)
    elif given < wanted:
        yield bad(f"terminationGracePeriodSeconds is {str(given)[:20]}, shorter than {wanted:g} s.", ref)
    elif unread is not None:
        told = f"Container {short(unread)}: how long its preStop hook sleeps cannot be read."
        yield unclear(UnknownReason.UNPARSEABLE, told)
    else:
        yield good(f"terminationGracePeriodSeconds is {str(given)[:20]}, at least {wanted:g} s.")


@judge("deployment.rollback.automation", of=[OBJECT])
def automation(_: Control, evidence: EvidenceSet, __: Facts) -> Iterator[Statement]:
    """The workload keeps revisions, or a tool that does has made it."""
    for found in objects_of(evidence).workloads:
        yield from (lacking(found),) if isinstance(found, Missing) else _automated(found)


def _automated(found: Seen[KubeObject]) -> Iterator[Statement]:
    workload, tool = found.value, tool_of(found.value)
    what = f"{short(workload.kind)} {short(workload.name)}"
    kept = _revisions(workload)
    if workload.kind in _WITH_REVISIONS and kept != 0:
        yield good(f"{what} keeps {10 if kept is None else kept} revisions.", found.ref)
    elif tool:
        yield good(f"{what} is deployed by {tool}.", found.ref)
    elif workload.kind in _WITH_REVISIONS:
        yield bad(f"revisionHistoryLimit of {what} is 0.", _limit_of(found.value))
    elif _is_owned(workload):
        yield unclear(UnknownReason.SOURCE_MISSING, f"What made {what} was not read.")
    elif workload.kind in _WITHOUT:
        yield bad(f"{what} keeps no revisions, and no label of Helm, Argo CD or Flux is on it.", found.ref)
    else:
        yield unclear(UnknownReason.SOURCE_MISSING, f"Whether {what} keeps revisions is not known.")


@judge("deployment.rollback.previous-version-tagged", of=[OBJECT])
def previous_version(_: Control, evidence: EvidenceSet, __: Facts) -> Iterator[Statement]:
    """Without revisions there is no version before."""
    for found in objects_of(evidence).workloads:
        if isinstance(found, Missing):
            yield lacking(found)
        elif _revisions(found.value) == 0:
            what = f"{short(found.value.kind)} {short(found.value.name)}"
            yield bad(f"revisionHistoryLimit of {what} is 0.", _limit_of(found.value))


def _limit_of(workload: KubeObject) -> str:
    return workload.at("spec", "revisionHistoryLimit")


def _revisions(workload: KubeObject) -> int | None:
    limit = mapping(workload.body.get("spec")).get("revisionHistoryLimit")
    return limit if isinstance(limit, int) and not isinstance(limit, bool) else None


def _is_owned(workload: KubeObject) -> bool:
    return any(
        each.get("controller") for each in mappings(mapping(workload.body.get("metadata")).get("ownerReferences"))
    )
