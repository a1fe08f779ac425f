"""Where is the API server, and as whom do we ask it?"""

import asyncio
import os
import ssl
from collections.abc import Collection, Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx

from probes.contract.address import is_ip_address
from probes.sources.http.date import read_date
from probes.sources.http.key_exchange import without_dhe
from watcher.kube.errors import AccessError
from watcher.runtime.clock import since_boot

if TYPE_CHECKING:
    from watcher.kube.transport import KeptConnections

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")

TOKEN_KEPT = 20.0
"""Seconds: a start asks some thousand times, and a token is valid for minutes after its successor is there."""


class Access:
    """The way to the API server, with credentials that are read anew from where they stand."""

    def __init__(
        self,
        kubeconfig: Path | None,
        account: Path = SERVICE_ACCOUNT,
        environment: Mapping[str, str] = os.environ,  # the API server's address is there in every pod
    ) -> None:
        self._environment = environment
        self._kubeconfig, self._account = kubeconfig, account
        self._configuration: object = None
        self._context: ssl.SSLContext | None = None
        self._base = ""
        self._connections: KeptConnections | None = None
        self._making = asyncio.Lock()
        self._token, self._read_again_at = "", 0.0
        self._date, self._dated_at = 0.0, 0.0

    async def send(
        self, method: str, path: str, query: Mapping[str, str], sent: tuple[str, bytes] | None, patience: httpx.Timeout
    ) -> httpx.Response:
        """The answer, its body not yet read; `sent` is a media type and bytes.

        AccessError where there is nothing to ask with, httpx.TransportError where no answer came.
        """
        connections = await self._opened()
        kind, body = sent or ("", None)
        headers = {"Accept-Encoding": "gzip", "User-Agent": "agentweave-watcher"}
        headers |= await self._authorization() | ({"Content-Type": kind} if kind else {})
        extensions = {"timeout": patience.as_dict()}
        request = httpx.Request(
            method, self._base + path, params=query, headers=headers, content=body, extensions=extensions
        )
        answer = await connections.handle_async_request(request)
        self._note_date(answer.headers.get("Date", ""))
        return answer

    @property
    def heard(self) -> tuple[float, float] | None:
        """The Unix seconds that the API server said last, and how many seconds ago that was; None: none yet."""
        return (self._date, since_boot() - self._dated_at) if self._date else None

    def _note_date(self, header: str) -> None:
        date = read_date(header)
        if date is not None:
            self._date, self._dated_at = date, since_boot()

    async def _opened(self) -> "KeptConnections":
        async with self._making:
            if self._connections is None:
                from watcher.kube.transport import KeptConnections  # noqa: PLC0415  0.2 s and 15 MB

                self._configuration = await asyncio.to_thread(self._load)
                self._base, self._context = await asyncio.to_thread(_tls, self._configuration)
                self._connections = KeptConnections(self._context)
            return self._connections

    def _load(self) -> object:
        from watcher.kube import credentials  # noqa: PLC0415  half a second and 40 MiB, of use where Kubernetes is

        if self._kubeconfig is None:
            return credentials.in_cluster(self._account, self._environment)
        return credentials.by_file(self._kubeconfig)

    async def _authorization(self) -> dict[str, str]:
        """What says who we are, as of now: tokens are replaced about every hour."""
        now = asyncio.get_running_loop().time()
        if now >= self._read_again_at:
            self._token = await asyncio.to_thread(_token, self._configuration)
            if self._token and (problem := _unverified(self._base, self._context)):
                raise AccessError(f"the token is not sent: {problem}")
            self._read_again_at = now + TOKEN_KEPT
        return {"Authorization": self._token} if self._token else {}

    async def renew(self) -> None:
        """Read credentials and authorities again, as after a 401; AccessError where they cannot be read."""
        self._read_again_at = 0.0
        if self._context is not None:
            self._configuration = await asyncio.to_thread(self._load)
            await asyncio.to_thread(_trust, self._context, self._configuration)

    async def close(self) -> None:
        """Close all connections."""
        if self._connections is not None:
            await self._connections.aclose()

    def addresses(self) -> Collection[str]:
        """The API server's addresses as far as they are known without asking a name server."""
        known = [self._environment.get("KUBERNETES_SERVICE_HOST", "")]
        known.append(urlsplit(self._base).hostname or "")
        return frozenset(filter(None, known))


def _tls(configuration: object) -> tuple[str, ssl.SSLContext]:
    host = str(getattr(configuration, "host", ""))
    authorities = getattr(configuration, "ssl_ca_cert", None)
    try:
        context = without_dhe(ssl.create_default_context(cafile=authorities))
        if not getattr(configuration, "verify_ssl", True):  # the kubeconfig says insecure-skip-tls-verify
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if certificate := getattr(configuration, "cert_file", None):
            context.load_cert_chain(certificate, getattr(configuration, "key_file", None))
    except OSError as error:
        raise AccessError(f"the certificates for the API server cannot be read: {error}") from error
    if not urlsplit(host).hostname:
        raise AccessError(f"no address of an API server: {host!r}")
    return host.rstrip("/"), context


def _unverified(base: str, context: ssl.SSLContext | None) -> str:
    """Why a token would be anybody's who stands between; empty where TLS is verified, or nobody does (loopback)."""
    if not base.startswith("https://"):
        host = urlsplit(base).hostname or ""
        return "" if is_ip_address(host) and ip_address(host).is_loopback else f"{base} is not https"
    if context is None or context.verify_mode is not ssl.CERT_REQUIRED:
        return "the kubeconfig says insecure-skip-tls-verify; give it the certificate-authority instead"
    return ""


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
