"""How to go back: the real command for the kind of the workload, and never one that does harm."""

import subprocess
from dataclasses import replace

import pytest

from tests.rollouts.made_rollouts import EARLIER, FAILED, REVISION
from watcher.rollouts.reports.way_back import way_back
from watcher.rollouts.rollout import Rollout

HASHED = replace(EARLIER, templates=("5d8f", "7c9b"))
BACK = f"Go back to revision {EARLIER.id}, image registry.example/search:2.0."


def failed(workload: str = "deployment/search", managed_by: str = "", **parts: object) -> Rollout:
    return replace(FAILED, workload=workload, managed_by=managed_by, **parts)  # type: ignore[arg-type]


NUMBER = r"{.items[0].metadata.annotations.deployment\.kubernetes\.io/revision}"
REPLICA_SET = f"get replicaset -l pod-template-hash=7c9b -o jsonpath='{NUMBER}'"
CONTROLLER_REVISION = "get controllerrevision search-7c9b -o jsonpath='{.revision}'"


def undo(workload: str, asked: str) -> list[str]:
    return [f'kubectl -n prod rollout undo {workload} --to-revision="$(kubectl -n prod {asked})"']


@pytest.mark.parametrize(
    ("found", "commands"),
    [
        (failed(), ["kubectl -n prod rollout undo deployment/search"]),
        (failed(before=HASHED), undo("deployment/search", REPLICA_SET)),
        (
            failed("statefulset/search", before=replace(HASHED, templates=("search-7c9b",))),
            undo("statefulset/search", CONTROLLER_REVISION),
        ),
        (failed("daemonset/search", before=HASHED), undo("daemonset/search", CONTROLLER_REVISION)),
        (failed("rollouts.argoproj.io/search"), ["kubectl argo rollouts -n prod undo search"]),
        (failed(managed_by="Helm"), ["helm -n prod list", 'helm -n prod rollback "${RELEASE:?}"']),
        (failed(managed_by="Argo CD"), []),
        (failed(managed_by="Flux"), []),
        (failed(""), []),
        (failed(before=replace(REVISION, config="")), ["kubectl -n prod rollout restart deployment/search"]),
    ],
)
def test_the_command_is_that_of_the_kind(found: Rollout, commands: list[str]) -> None:
    way = way_back(found)
    assert list(way.commands) == commands
    assert way.says[0].startswith(f"Go back to revision {found.before.id if found.before else ''}, image ")


def test_where_git_decides_it_is_reverted_there() -> None:
    said = "Revert it in Git: Flux owns the workload, and brings back whatever is undone in the cluster."
    assert way_back(failed(managed_by="Flux")).says == (BACK, said)
    assert way_back(failed(managed_by="Flux", before=None)).says == (said,)


def test_what_cannot_be_undone_is_said() -> None:
    assert way_back(failed("", before=EARLIER)).says[1] == (
        "Nothing owns its pods: deploy the image before it again, registry.example/search:2.0."
    )
    assert way_back(failed(before=None, is_first=True)).says == (
        "Nothing ran before it: there is nothing to go back to.",
    )
    assert "no undo brings back what a ConfigMap had" in way_back(failed(before=replace(REVISION, config=""))).says[1]


def test_a_hostile_name_is_one_word_of_a_shell() -> None:
    hostile = "x'; touch /tmp/owned; $(id) `id`"
    for kind in ("deployment", "statefulset", "daemonset", "rollouts.argoproj.io"):
        found = failed(f"{kind}/{hostile}", namespace=hostile, before=replace(EARLIER, templates=(hostile,)))
        for command in way_back(found).commands:
            shell = f"kubectl() {{ printf '%s\\n' \"$@\" >&2; echo 3; }}; {command}"
            ran = subprocess.run(["bash", "-uc", shell], capture_output=True, text=True, check=False)
            assert (ran.stdout, ran.returncode) == ("3\n", 0)
            assert any(hostile in word for word in ran.stderr.splitlines())
