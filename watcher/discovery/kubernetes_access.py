"""Where is the API server, and as whom do we ask it? The one door to `kubernetes`, of which only config is used."""

import asyncio
import os
import ssl
from collections.abc import Collection
from pathlib import Path
from urllib.parse import urlsplit

import httpx

TOKEN_KEPT = 20.0
"""Seconds: a start asks some thousand times, and a token is valid for minutes after its successor is there."""


class AccessError(Exception):
    """Neither a usable kubeconfig nor a pod's service account; the message says which was tried."""


class Access:
    """An HTTP client of the API server whose credentials are read anew from where they stand."""

    def __init__(self, kubeconfig: Path | None) -> None:
        self._kubeconfig = kubeconfig
        self._configuration: object = None
        self._context: ssl.SSLContext | None = None
        self._client: httpx.AsyncClient | None = None
        self._making = asyncio.Lock()
        self._token, self._read_again_at = "", 0.0

    async def client(self) -> httpx.AsyncClient:
        """The client, made at the first call; AccessError where there is nothing to make it of."""
        async with self._making:
            if self._client is None:
                self._configuration = await asyncio.to_thread(_load, self._kubeconfig)
                base, context = await asyncio.to_thread(_tls, self._configuration)
                limits = httpx.Limits(max_connections=None, max_keepalive_connections=10)
                self._client = httpx.AsyncClient(base_url=base, verify=context, trust_env=False, limits=limits)
                self._context = context
            return self._client

    async def headers(self) -> dict[str, str]:
        """What says who we are, as of now: tokens are replaced about every hour."""
        now = asyncio.get_running_loop().time()
        if now >= self._read_again_at:
            self._token = await asyncio.to_thread(_token, self._configuration)
            self._read_again_at = now + TOKEN_KEPT
        return {"Authorization": self._token} if self._token else {}

    async def renew(self) -> None:
        """Read credentials and authorities again, as after a 401; AccessError where they cannot be read."""
        self._read_again_at = 0.0
        if self._context is not None:
            self._configuration = await asyncio.to_thread(_load, self._kubeconfig)
            await asyncio.to_thread(_trust, self._context, self._configuration)

    async def close(self) -> None:
        """Close all connections."""
        if self._client is not None:
            await self._client.aclose()

    def addresses(self) -> Collection[str]:
        """The API server's addresses as far as they are known without asking a name server."""
        known = [os.environ.get("KUBERNETES_SERVICE_HOST", "")]
        if self._client is not None:
            known.append(self._client.base_url.host)
        return frozenset(filter(None, known))


def _load(kubeconfig: Path | None) -> object:
    # Half a second and 40 MiB, and only of use where Kubernetes is.
    from kubernetes.client import Configuration  # noqa: PLC0415
    from kubernetes.config import load_incluster_config, load_kube_config  # noqa: PLC0415

    configuration = Configuration()
    try:
        if kubeconfig is None:
            load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]  # theirs
        else:
            load_kube_config(config_file=str(kubeconfig), client_configuration=configuration)  # type: ignore[no-untyped-call]
    except Exception as error:  # what a kubeconfig's own commands and plugins raise is anybody's guess
        tried = kubeconfig or "the service account of this pod (discovery.kubernetes.kubeconfig is not set)"
        raise AccessError(f"no access to Kubernetes by {tried}: {error}") from error
    return configuration


def _tls(configuration: object) -> tuple[str, ssl.SSLContext]:
    host = str(getattr(configuration, "host", ""))
    authorities = getattr(configuration, "ssl_ca_cert", None)
    try:
        context = ssl.create_default_context(cafile=authorities)
        if not getattr(configuration, "verify_ssl", True):  # the kubeconfig says insecure-skip-tls-verify
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if certificate := getattr(configuration, "cert_file", None):
            context.load_cert_chain(certificate, getattr(configuration, "key_file", None))
    except OSError as error:
        raise AccessError(f"the certificates for the API server cannot be read: {error}") from error
    if not urlsplit(host).hostname:
        raise AccessError(f"no address of an API server: {host!r}")
    return host, context


def _trust(context: ssl.SSLContext, configuration: object) -> None:
    if authorities := getattr(configuration, "ssl_ca_cert", None):
        try:
            context.load_verify_locations(cafile=authorities)
        except OSError as error:
            raise AccessError(f"{authorities}: {error}") from error


def _token(configuration: object) -> str:
    read = getattr(configuration, "get_api_key_with_prefix", None)
    try:
        found = read("BearerToken", "authorization") if read else None
    except Exception as error:  # what a kubeconfig's own commands and plugins raise is anybody's guess
        raise AccessError(f"the token cannot be read: {type(error).__name__}: {error}") from error
    return " ".join(str(found).split()) if found else ""
