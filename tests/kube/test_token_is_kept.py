"""A token for the API server is not sent where somebody between could read it."""

import asyncio
from pathlib import Path

import httpx
import pytest
import yaml

from watcher.kube.access import Access
from watcher.kube.errors import AccessError


@pytest.mark.parametrize(
    ("cluster", "why"),
    [
        ({"server": "http://10.255.255.1:8080"}, "http://10.255.255.1:8080 is not https"),
        (
            {"server": "https://10.255.255.1:6443", "insecure-skip-tls-verify": True},
            "the kubeconfig says insecure-skip-tls-verify; give it the certificate-authority instead",
        ),
    ],
)
def test_a_token_goes_over_verified_tls_only(tmp_path: Path, cluster: dict[str, object], why: str) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    parts = {
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": {"token": "s3cret"}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
    }
    kubeconfig.write_text(yaml.safe_dump(parts | {"current-context": "x"}))

    async def main() -> None:
        access = Access(kubeconfig)
        try:
            await access.send("GET", "/api/v1/pods", {}, None, httpx.Timeout(0.1))
        finally:
            await access.close()

    with pytest.raises(AccessError) as error:
        asyncio.run(main())
    assert str(error.value) == f"the token is not sent: {why}"
