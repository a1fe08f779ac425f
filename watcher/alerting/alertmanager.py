"""What does Alertmanager do with an alert? Alerts are sent to it and read back; what it says is not trusted."""

import os
import socket
import ssl
import time
from collections.abc import Mapping, Sequence

import httpx
from pydantic import AwareDatetime, BaseModel, ConfigDict, TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel

from probes.contract import say_bytes
from probes.sources.http.date import read_date
from probes.sources.http.key_exchange import without_dhe

_CALLERS = httpx.Timeout(None)  # the caller sets the deadline

MAX_BYTES = 1 << 18
"""Longest answer that is read: the one alert that is asked for takes a thousandth of it."""

MOST_OF_ITSELF = 1 << 20
"""The same of its configuration and its metrics."""


class AlertmanagerError(Exception):
    """Alertmanager does not do what was asked; a sentence about it, to follow its URL."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, alias_generator=to_camel)


class _Receiver(_Model):
    name: str


class _Status(_Model):
    state: str
    silenced_by: tuple[str, ...] = ()
    inhibited_by: tuple[str, ...] = ()


class Shown(_Model):
    """An alert as Alertmanager shows it."""

    labels: dict[str, str]
    updated_at: AwareDatetime  # by its own clock
    receivers: tuple[_Receiver, ...]
    status: _Status

    @property
    def receiver_names(self) -> tuple[str, ...]:
        """Whom it is routed to."""
        return tuple(receiver.name for receiver in self.receivers)

    @property
    def kept_back(self) -> str:
        """Why none of its receivers is told, empty where they are."""
        status = self.status
        by = (("silenced", status.silenced_by), ("inhibited", status.inhibited_by))
        reasons = [f"{how} by {', '.join(which)}" for how, which in by if which]
        return " and ".join(reasons) or ("" if status.state == "active" else status.state)


class Status(_Model):
    """What it says of itself."""

    class _Config(_Model):
        original: str

    class _Cluster(_Model):
        peers: tuple[dict[str, str], ...] = ()

    config: _Config  # without its secrets
    cluster: _Cluster = _Cluster()


_ALERTS = TypeAdapter(tuple[Shown, ...])


class Alertmanager:
    """One Alertmanager, asked by HTTP without redirects and proxies; the caller sets the deadline."""

    def __init__(self, url: str, client: httpx.AsyncClient) -> None:
        self.url, self._client = url, client
        self.ahead = 0.0  # seconds that its clock was ahead of ours at the last answer, as far as it said

    async def send(self, alert: Mapping[str, object]) -> None:
        """Hand over an alert as Prometheus does; AlertmanagerError where it is not taken."""
        await self._ask("POST", json=[alert])

    async def find(self, label: str, value: str) -> Shown | None:
        """The alert with this label, None where there is none that is not over; AlertmanagerError."""
        body = await self._ask("GET", params={"filter": f'{label}="{value}"'})
        try:
            alerts = _ALERTS.validate_json(body)
        except ValidationError as error:
            raise AlertmanagerError("gives an answer that is not a list of alerts in JSON") from error
        return next((alert for alert in alerts if alert.labels.get(label) == value), None)

    async def status(self) -> Status:
        """Its configuration and its cluster; AlertmanagerError."""
        body = await self._ask("GET", "/api/v2/status", most=MOST_OF_ITSELF)
        try:
            return Status.model_validate_json(body)
        except ValidationError as error:
            raise AlertmanagerError("gives an answer to /api/v2/status that is none of Alertmanager") from error

    async def metrics(self) -> str:
        """Its own metrics page; AlertmanagerError."""
        return (await self._ask("GET", "/metrics", most=MOST_OF_ITSELF)).decode(errors="replace")

    async def _ask(
        self,
        method: str,
        path: str = "/api/v2/alerts",
        *,
        params: Mapping[str, str] | None = None,
        json: object = None,
        most: int = MAX_BYTES,
    ) -> bytes:
        url = f"{self.url.rstrip('/')}{path}"
        try:
            async with self._client.stream(method, url, params=params, json=json) as answer:
                body = await _capped(answer, most)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise AlertmanagerError(f"cannot be asked: {_why(error)}") from error
        self._set_clock(answer.headers.get("Date", ""))
        if not answer.is_success:
            raise AlertmanagerError(f"answers {answer.status_code}: {body[:200].decode(errors='replace')}")
        return body

    def _set_clock(self, header: str) -> None:
        date = read_date(header)
        if date is not None:
            self.ahead = date - time.time()


def open_client(url: str) -> httpx.AsyncClient:
    """A client for this URL alone; reads the system's CA certificates where it is one of https."""
    # The second one is never used, and takes no time to make.
    secure = url.startswith("https:")
    tls = without_dhe(ssl.create_default_context()) if secure else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
    return httpx.AsyncClient(verify=tls, headers=headers, timeout=_CALLERS, trust_env=False)


async def _capped(answer: httpx.Response, most: int) -> bytes:
    body = bytearray()
    async for piece in answer.aiter_raw():  # raw: what is packed, which was not asked for, is not unpacked
        body += piece
        if len(body) > most:
            raise AlertmanagerError(f"gives an answer of more than {say_bytes(most)}")
    return bytes(body)


def _why(error: Exception) -> str:
    for cause in _causes(error):
        match cause:
            case ssl.SSLCertVerificationError():
                return cause.verify_message
            case ssl.SSLError() | socket.gaierror():
                return str(cause.strerror)
            case OSError(errno=int(number)):
                return os.strerror(number)
    return f"{error}" or type(error).__name__


def _causes(error: BaseException | None) -> Sequence[BaseException]:
    found: list[BaseException] = []
    while error is not None:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found
