"""How does one go back from a rollout that failed? By the kind of the workload and by who owns it. Pure.

Names of objects come from outside: each is one word of a shell, whatever is in it.
"""

import shlex
from collections.abc import Callable
from typing import NamedTuple

from watcher.rollouts.rollout import Revision, Rollout


class WayBack(NamedTuple):
    """What to do, in sentences, and what to run in a shell."""

    says: tuple[str, ...]
    commands: tuple[str, ...] = ()


_GIT = "Revert it in Git: {owner} owns the workload, and brings back whatever is undone in the cluster."
_GITOPS = ("Argo CD", "Flux")
_FIRST = "Nothing ran before it: there is nothing to go back to."
_CONFIG = "Only the config changed: no undo brings back what a ConfigMap had. Restore that from Git, then restart."
_BARE = "Nothing owns its pods: deploy the image before it again, {image}."


def way_back(rollout: Rollout) -> WayBack:
    """From this rollout to what ran before it, as far as that is known."""
    before = rollout.before
    if before is None:
        return WayBack((_FIRST,)) if rollout.is_first else _of_workload(rollout, None)
    says = (f"Go back to revision {before.id}, image {before.reference or before.image}.",)
    if rollout.managed_by in _GITOPS:
        return WayBack((*says, _GIT.format(owner=rollout.managed_by)))
    if before.image == rollout.revision.image:
        return WayBack((*says, _CONFIG), tuple(_restart(rollout)))
    found = _of_workload(rollout, before)
    return WayBack((*says, *found.says), found.commands)


def _of_workload(rollout: Rollout, before: Revision | None) -> WayBack:
    if rollout.managed_by in _GITOPS:
        return WayBack((_GIT.format(owner=rollout.managed_by),))
    if rollout.managed_by == "Helm":
        namespace = shlex.quote(rollout.namespace)
        said = "Helm owns the workload: roll its release back, or the next upgrade begins from the failed one."
        release = 'helm -n {0} rollback "${{RELEASE:?}}"'
        return WayBack((said,), (f"helm -n {namespace} list", release.format(namespace)))
    kind, _, name = rollout.workload.partition("/")
    undo = _UNDO.get(kind.partition(".")[0])
    if undo is None or not name:
        return WayBack((_BARE.format(image=(before.reference or before.image) if before is not None else "by name"),))
    template = before.templates[-1] if before is not None and before.templates else ""
    return WayBack((), (undo(shlex.quote(rollout.namespace), name, template),))


def _restart(rollout: Rollout) -> tuple[str, ...]:
    kind = rollout.workload.partition("/")[0]
    if kind not in ("deployment", "statefulset", "daemonset"):
        return ()
    return (f"kubectl -n {shlex.quote(rollout.namespace)} rollout restart {shlex.quote(rollout.workload)}",)


def _deployment(namespace: str, name: str, template: str) -> str:
    hashed = f"-l {shlex.quote(f'pod-template-hash={template}')}"
    number = r"{.items[0].metadata.annotations.deployment\.kubernetes\.io/revision}"
    return _undone(namespace, f"deployment/{name}", template, f"get replicaset {hashed} -o jsonpath='{number}'")


def _stateful_set(namespace: str, name: str, template: str) -> str:
    asked = f"get controllerrevision {shlex.quote(template)} -o jsonpath='{{.revision}}'"
    return _undone(namespace, f"statefulset/{name}", template, asked)


def _daemon_set(namespace: str, name: str, template: str) -> str:
    asked = f"get controllerrevision {shlex.quote(f'{name}-{template}')} -o jsonpath='{{.revision}}'"
    return _undone(namespace, f"daemonset/{name}", template, asked)


def _undone(namespace: str, workload: str, template: str, asked: str) -> str:
    """Without a template it is the revision before, which after several bad ones is bad too."""
    undo = f"kubectl -n {namespace} rollout undo {shlex.quote(workload)}"
    return f'{undo} --to-revision="$(kubectl -n {namespace} {asked})"' if template else undo


def _argo_rollout(namespace: str, name: str, _: str) -> str:
    return f"kubectl argo rollouts -n {namespace} undo {shlex.quote(name)}"


_UNDO: dict[str, Callable[[str, str, str], str]] = {
    "deployment": _deployment,
    "statefulset": _stateful_set,
    "daemonset": _daemon_set,
    "rollouts": _argo_rollout,  # with its group, as kubectl takes it
}
