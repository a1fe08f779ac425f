"""Records in ConfigMaps of a real API server: rights, changes, silence, and the admission policy of the docs."""

import asyncio
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.checklist.live.records.made import DIAGRAM, SEARCH, UNIT, attestation, result, text_of
from tests.probes.controls.made import CATALOGUE
from tests.repository import ROOT
from tests.servers.kube import run_kubernetes
from tests.servers.kube_api import KubeApi, RefusedError
from tests.servers.process import eventually
from watcher.checklist.live.records.evidence import RecordEvidence
from watcher.config.checklist import ChecklistSettings
from watcher.kube.access import Access
from watcher.metrics.own import OwnMetrics
from watcher.runtime.clock import Clock, since_boot

PLACE, RBAC = "agentweave-records", "rbac.authorization.k8s.io/v1"
NOW = 1_800_000_000.0
"""When these records are judged, whatever time it is."""


def config_map(name: str, text: str, labelled: str = "true") -> dict[str, Any]:
    labels = {"agentweave.io/records": labelled}
    named = {"name": name, "namespace": PLACE, "labels": labels}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": named, "data": {"records.yaml": text}}


def role(name: str, account: str, *verbs: str) -> list[dict[str, Any]]:
    named = {"name": name, "namespace": PLACE}
    rules = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": list(verbs)}]
    of = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name}
    subjects = [{"kind": "ServiceAccount", "name": account, "namespace": PLACE}]
    return [
        {"apiVersion": RBAC, "kind": "Role", "metadata": named, "rules": rules},
        {"apiVersion": RBAC, "kind": "RoleBinding", "metadata": named, "roleRef": of, "subjects": subjects},
    ]


def account(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": PLACE}}


async def _until(records: RecordEvidence, holds: Callable[[], bool], within: float = 10.0) -> None:
    deadline = time.monotonic() + within
    while not holds():
        assert time.monotonic() < deadline, (_said(records), records.sources_up())
        await records.tick()
        await asyncio.sleep(0.05)


def _said(records: RecordEvidence) -> list[str]:
    return [f"{each.control}{f' {each.gone}' if each.gone else ''}" for each in records.of(SEARCH)]


def _is_denied(api: KubeApi, name: str) -> bool:
    """Whether this account may not make or change it."""
    try:
        api.apply(config_map(name, ""))
    except RefusedError as refused:
        return refused.status in (403, 422)
    return False


def test_records_are_watched_as_far_as_rights_go_and_a_policy_says_who_may_write_them(tmp_path: Path) -> None:
    with run_kubernetes() as kubernetes:
        admin = kubernetes.admin
        admin.namespace(PLACE)
        admin.apply(account("watcher"), account("ci"), *role("ci", "ci", "get", "create", "patch", "update"))
        admin.apply(config_map("prod-search", text_of(attestation())), config_map("other", text_of(result()), "false"))
        (tmp_path / "kubeconfig").write_text(kubernetes.kubeconfig(admin.token(PLACE, "watcher")).read_text())

        async def watched() -> None:
            settings = ChecklistSettings.model_validate({"records": {"configmaps": {"namespace": PLACE}}})
            clock = Clock(lambda: NOW, since_boot)
            access = Access(tmp_path / "kubeconfig")
            records = RecordEvidence(settings, CATALOGUE.by_id, access, clock, OwnMetrics([], []), None)
            await records.start()
            try:
                await _until(records, lambda: records.sources_up() == {"records": "Forbidden"})
                await _until(records, lambda: records.tried)
                assert _said(records) == []
                admin.apply(*role("watcher", "watcher", "list", "watch"))
                await _until(records, lambda: _said(records) == [DIAGRAM], within=60)
                assert records.of(SEARCH)[0].id == f"configmap:{PLACE}/prod-search/records.yaml:1"
                assert records.sources_up() == {"records": ""}
                [(_, origin)] = records.book.with_origins()
                meta = admin.get(f"/api/v1/namespaces/{PLACE}/configmaps/prod-search")["metadata"]
                assert origin == {"uid": meta["uid"], "resource_version": meta["resourceVersion"]}
                records.take_changed()
                admin.apply(config_map("prod-search", text_of(attestation(), result(failures=1))))
                await _until(records, lambda: _said(records) == [DIAGRAM, UNIT])
                assert records.take_changed() == {SEARCH}
                admin.delete(config_map("prod-search", ""), namespace=PLACE)
                gone = [f"{DIAGRAM} RecordRemoved", f"{UNIT} RecordRemoved"]
                await _until(records, lambda: _said(records) == gone)
                admin.apply(config_map("prod-search", text_of(attestation())))
                await _until(records, lambda: DIAGRAM in _said(records))
                kubernetes.stop()
                await _until(records, lambda: records.sources_up() == {"records": "Unreachable"})
                assert DIAGRAM in _said(records), "believed for a while as it was read last"
                kubernetes.start()
                await _until(records, lambda: records.sources_up() == {"records": ""}, within=60)
            finally:
                await records.close()
                await access.close()

        asyncio.run(watched())

        blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "records.md").read_text(), re.DOTALL)
        [policy] = [each for each in blocks if "ValidatingAdmissionPolicy" in each]
        admin.apply(policy)
        ci = kubernetes.client(admin.token(PLACE, "ci"))
        eventually(lambda: _is_denied(ci, "security-1"))
        assert not _is_denied(ci, "prod-search-ci")
