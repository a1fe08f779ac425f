"""Which of the objects speak for their agents? What made them is judged instead; what ends or is older has no vote."""

import re
from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from probes.controls.evidence import Pod
from probes.controls.verdict.voting import voters
from watcher.checklist.manifests.objects import Manifest
from watcher.discovery.pod.kept.pod import REVISIONS
from watcher.discovery.pod.pod import POD_TEMPLATE_HASHES

_MADE_BY = dict(zip(POD_TEMPLATE_HASHES, ("Deployment", "Rollout"), strict=True))
_RUN_OF_CRON_JOB = re.compile(r"(.+)-[0-9]{8,9}")
_MADE_ANEW = ("ReplicaSet", "ReplicationController", "Job")
"""Of these an owner has one for each revision or run."""

_NUMBER = re.compile("[0-9]{1,18}")
_NUMBERS = (
    "deployment.kubernetes.io/revision",
    "rollout.argoproj.io/revision",
    "openshift.io/deployment-config.latest-version",
)
_NAMED = 3
_NOTHING: Mapping[str, object] = {}


@dataclass(frozen=True, slots=True)
class Votes:
    """Objects with a vote, in their order, and those that have none although nothing that made them is given."""

    having: Sequence[Manifest]
    lacking: Sequence[Manifest]

    def told(self) -> str:
        """A sentence on those without; empty where there are none."""
        named = [f"{each.kind} {each.namespace}/{each.name} ({each.ref})" for each in self.lacking[:_NAMED]]
        more = f" and {len(self.lacking) - _NAMED} more" if len(self.lacking) > _NAMED else ""
        why = "what ends, has ended, is not settled or is of an older revision has no vote"
        return f"not judged, for {why}: {', '.join(named)}{more}" if named else ""


def votes_of(found: Sequence[Manifest], now: float) -> Votes:
    """`now`: Unix seconds."""
    by_uid = {uid: each for each in found if (uid := _text(_meta(each), "uid"))}
    by_name = {(each.kind, each.namespace, each.name): each for each in found}
    free = [each for each in found if not _is_made(each, by_uid, by_name)]
    without = {*_old(free), *_pods_without(free, now), *(id(each) for each in free if _ends(each))}
    return Votes([each for each in free if id(each) not in without], [each for each in free if id(each) in without])


def workload_of(found: Manifest) -> tuple[str, str]:
    """Kind and name of the workload whose object or pod this is, as far as it tells itself."""
    owner = next(_owners(found), None)
    return _above(found, *owner[:2]) if owner else (found.kind, found.name)


def _is_made(made: Manifest, by_uid: Mapping[str, Manifest], by_name: Mapping[tuple[str, str, str], Manifest]) -> bool:
    """Whether what made it is given: by its uid, or by its name where the uid was left out."""
    for kind, name, uid in _owners(made):
        if uid in by_uid:
            return True
        for key in ((kind, name), _above(made, kind, name)):
            there = by_name.get((key[0], made.namespace, key[1]))
            if there is not None and there is not made and (key != (kind, name) or not _text(_meta(there), "uid")):
                return True
    return False


def _above(made: Manifest, kind: str, name: str) -> tuple[str, str]:
    """Kind and name of what made its owner, as far as their names tell; else the owner's."""
    labels = _mapping(_meta(made).get("labels"))
    for label, above in _MADE_BY.items():
        end = f"-{labels.get(label)}"
        if kind == "ReplicaSet" and labels.get(label) and name.endswith(end):
            return above, name.removesuffix(end)
    run = _RUN_OF_CRON_JOB.fullmatch(name) if kind == "Job" else None
    return ("CronJob", run[1]) if run else (kind, name)


def _old(found: Sequence[Manifest]) -> Iterator[int]:
    """The ids of revisions and runs beside which a newer one of the same owner is there."""
    by_owner: defaultdict[Hashable, list[Manifest]] = defaultdict(list)
    for each in found:
        if each.kind in _MADE_ANEW and not _ends(each) and (owner := next(_owners(each), None)):
            by_owner[each.namespace, owner].append(each)
    for several in by_owner.values():
        newest = max(map(_revision, several))
        yield from (id(each) for each in several if _revision(each) != newest)


def _revision(found: Manifest) -> tuple[bool, int, float]:
    """What the newest has most of: one that runs, then the number of its revision, then when it was made."""
    numbers = [
        int(str(value))
        for name, value in _mapping(_meta(found).get("annotations")).items()
        if name in _NUMBERS and _NUMBER.fullmatch(str(value))
    ]
    return _runs(found), max(numbers, default=0), _seconds(_meta(found).get("creationTimestamp")) or 0.0


def _runs(revision: Manifest) -> bool:
    done = any(_since(revision, condition) is not None for condition in ("Complete", "Failed"))
    return not done and _mapping(revision.body.get("spec")).get("replicas") != 0


def _pods_without(found: Sequence[Manifest], now: float) -> Iterator[int]:
    """The ids of pods that have no vote beside the others of their workload. A pod without a status was never made."""
    groups: defaultdict[Hashable, list[Manifest]] = defaultdict(list)
    for each in found:
        if each.kind == "Pod" and each.group == "" and _mapping(each.body.get("status")) and not _ends(each):
            groups[each.namespace, workload_of(each)].append(each)
    for several in groups.values():
        pods = _pods(several)
        latest = max(pod.revision_at for pod in pods.values())
        having = voters(pods, now) or {name for name, pod in pods.items() if pod.revision_at == latest}
        yield from (id(each) for each in several if each.name not in having)


def _pods(found: Sequence[Manifest]) -> dict[str, Pod]:
    """As the verdict on a running agent counts their votes."""
    made = {each.name: (_revision_of(each), _seconds(_meta(each).get("creationTimestamp")) or 0.0) for each in found}
    first: dict[str, float] = {}
    for revision, at in made.values():
        first[revision] = min(first.get(revision, at), at)
    return {
        each.name: Pod(
            name=each.name,
            revision=made[each.name][0],
            revision_at=first[made[each.name][0]],
            terminating=False,
            ready_since=_since(each, "Ready"),
            watched_since=0.0,
        )
        for each in found
    }


def _revision_of(pod: Manifest) -> str:
    labels = _mapping(_meta(pod).get("labels"))
    named = next((str(labels[each]) for each in REVISIONS if labels.get(each)), "")
    return named or str(next(_owners(pod), ""))


def _ends(found: Manifest) -> bool:
    """Whether it is being deleted, or a pod that has ended."""
    ended = found.kind == "Pod" and _mapping(found.body.get("status")).get("phase") in ("Succeeded", "Failed")
    return ended or bool(_meta(found).get("deletionTimestamp"))


def _since(found: Manifest, condition: str) -> float | None:
    """Unix seconds since when a condition is true; 0 where that is not told, None where it is not true."""
    conditions = _mapping(found.body.get("status")).get("conditions")
    for each in conditions if isinstance(conditions, list) else ():
        if _mapping(each).get("type") == condition and each.get("status") == "True":
            return _seconds(each.get("lastTransitionTime")) or 0.0
    return None


def _seconds(moment: object) -> float | None:
    try:
        return datetime.fromisoformat(str(moment)).timestamp()
    except (ValueError, OverflowError):
        return None


def _owners(found: Manifest) -> Iterator[tuple[str, str, str]]:
    """Kind, name and uid of what made it."""
    references = _meta(found).get("ownerReferences")
    for each in references if isinstance(references, list) else ():
        if isinstance(each, Mapping) and each.get("controller"):
            yield str(each.get("kind")), str(each.get("name")), _text(each, "uid")


def _meta(found: Manifest) -> Mapping[str, object]:
    return _mapping(found.body.get("metadata"))


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else _NOTHING


def _text(there: Mapping[str, object], key: str) -> str:
    return str(there[key]) if there.get(key) else ""
