"""Which objects of manifests make Secrets: by kind and API group, in the agent's namespace."""

import pytest

from tests.checklist.test_manifests import CONFIG_MAP, fleet_of, listed, objects_of, workload

GROUPS = {
    "ExternalSecret": "external-secrets.io",
    "Certificate": "cert-manager.io",
    "VaultStaticSecret": "secrets.hashicorp.com",
    "VaultDynamicSecret": "secrets.hashicorp.com",
    "VaultPKISecret": "secrets.hashicorp.com",
    "SealedSecret": "bitnami.com",
    "SecretProviderClass": "secrets-store.csi.x-k8s.io",
}


@pytest.mark.parametrize(("kind", "group"), GROUPS.items())
def test_a_maker_of_secrets_concerns_the_agents_of_its_namespace(kind: str, group: str) -> None:
    maker = "{apiVersion: %s/v1, kind: %s, metadata: {name: m, namespace: %s}, spec: {}}"
    given = (maker % (group, kind, "prod"), maker % (group, kind, "dev"), maker % ("example.org", kind, "prod"))
    found = listed(objects_of(fleet_of(CONFIG_MAP, workload(), *given)), kind)
    assert [(each.kind, each.namespace, each.name) for each in found.objects] == [(kind, "prod", "m")]
    assert not found.complete
