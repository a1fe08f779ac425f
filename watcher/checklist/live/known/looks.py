"""What the newest looks at one target are as evidence, or why they are none."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from urllib.parse import urlsplit

from probes.contract import Target, Unknown, Verdict, say_duration
from probes.contract.address import shown_url
from probes.contract.reading import STALE_AFTER
from probes.controls.catalogue.control import UnknownReason
from probes.controls.evidence import LastTry, Missing, ServedPort, Spoken, Verdicts
from probes.readings.decision import OPAReading
from probes.readings.handshake import Handshake, Spoke
from probes.readings.metrics_page import RememberedPage
from probes.sources.http.credentials import OutboundSettings
from watcher.discovery.pod.opa import ON_LOOPBACK
from watcher.engine.board import Look, TargetState
from watcher.engine.debounce import Verdicts as ProbeVerdicts
from watcher.engine.engine import Engine

_PORTS = {"http": 80, "https": 443}
_SPOKEN = {Spoke.NOTHING: Spoken.NOTHING, Spoke.TLS: Spoken.TLS}
_NO_ENDPOINT = {
    "handshake": ("address", "This target has no mTLS port."),
    "agent_metrics": ("metrics", "This target has no metrics endpoint."),
    "opa": ("opa", "This target has no OPA."),
}


def newest(engine: Engine, state: TargetState, source: str, now: float) -> Look | Missing:
    """The newest look at a source, not older than what it shows lasts; `now` in steady seconds."""
    endpoint, none = _NO_ENDPOINT[source]
    if not getattr(state.target, endpoint):
        why = state.target.unlearnt.get(endpoint)
        return Missing(UnknownReason.SOURCE_MISSING, f"It could not be discovered: {why}." if why else none)
    if source not in engine.lookers or not engine.looked_at(source, state):
        return Missing(UnknownReason.NOT_ENABLED, "The probes of that source are turned off.")
    interval = engine.interval(source)
    look = state.looks.get(source)
    if look is None:
        return Missing(UnknownReason.OBSERVING, "It has not been probed yet.", engine.board.date_of(now + interval))
    age = now - look.at + look.reading.age
    if age > STALE_AFTER * interval:
        return Missing(UnknownReason.STALE, f"The newest probe result is from {say_duration(age)} ago.")
    if not isinstance(look.reading, Handshake | RememberedPage | OPAReading):
        return Missing(
            UnknownReason.EVALUATOR_ERROR,
            look.reading.error or "The source raised an error: this is a bug of the watcher.",
        )
    return look


def of_source(engine: Engine, state: TargetState, source: str) -> Verdicts:
    """The verdicts of the probes of this source: of the same look, for they are posted together."""
    pairs = zip(engine.board.probes, state.results, strict=True)
    return together(result.verdicts for probe, result in pairs if result is not None and probe.source == source)


def together(found: Iterable[ProbeVerdicts]) -> Verdicts:
    """The verdicts of several probes, by the names of their conditions."""
    every: dict[str, tuple[Verdict, ...]] = {}
    for each in found:
        every.update(_by_condition(each))
    return every


@lru_cache(maxsize=4096)  # a healthy fleet shares them
def _by_condition(verdicts: ProbeVerdicts) -> Mapping[str, tuple[Verdict, ...]]:
    found: dict[str, tuple[Verdict, ...]] = {}
    for each in verdicts.all:
        found[each.kind.name] = (*found.get(each.kind.name, ()), each)
    return found


def served_port(
    target: Target, reading: Handshake, verdicts: Verdicts, last_tries: tuple[LastTry, ...] = ()
) -> ServedPort:
    """What a look at the mTLS port saw; `last_tries`: what was tried at pods of the agent that were asked to end."""
    leaf = reading.leaf
    return ServedPort(
        spoken=_SPOKEN.get(reading.spoke, Spoken.PLAIN),
        error=reading.error,
        uris=leaf.uris if leaf is not None else None,
        uri_count=leaf.uri_count if leaf is not None else 0,
        verdicts=verdicts,
        expected=target.spiffe_ids,
        unlearnt=target.unlearnt.get("spiffe_ids", ""),
        last_tries=last_tries,
    )


def is_on_loopback(target: Target, reading: OPAReading, verdicts: Verdicts) -> bool:
    """Whether OPA is known to listen on loopback only, and nothing ever answered where it was asked all the same."""
    unheard = reading.silent and all(
        each.reason == Unknown.NEVER_REACHED for each in verdicts.get("OPAUnreachable", ())
    )
    return unheard and any(problem.startswith(ON_LOOPBACK) for problem in target.problems)


@lru_cache(maxsize=16384)
def on_own_port(metrics: str, address: str | None) -> bool:
    """Whether a page's URL is that of the mTLS port, `host:port`."""
    url = urlsplit(metrics)
    host = f"[{url.hostname}]" if ":" in (url.hostname or "") else url.hostname
    return address == f"{host}:{url.port or _PORTS.get(url.scheme, 0)}"


def with_credentials(engine: Engine, target: Target) -> bool:
    """Whether the watcher may have shown a certificate or a token to the metrics page."""
    settings = engine.settings.sources["agent_metrics"]
    if not isinstance(settings, OutboundSettings) or not (target.metrics or "").startswith("https:"):
        return False
    return settings.client_certificate == "svid" or settings.bearer_token_file is not None


def ref(target: Target, source: str) -> str:
    """Where something was seen: the pod, with the port or the URL that was asked."""
    pod = f"pod/{target.key.namespace}/{target.key.pod}"
    if source == "handshake":
        return f"{pod}:{(target.address or '').rpartition(':')[2]}"
    url = target.metrics if source == "agent_metrics" else target.opa
    return _shown_url(url or "") or pod


_shown_url = lru_cache(maxsize=16384)(shown_url)


def summary(reading: object) -> str:
    """What is to be seen of a look, in a few words."""
    match reading:
        case Handshake():
            leaf = ascii(reading.leaf.uris[0][:120])[1:-1] if reading.leaf and reading.leaf.uris else ""
            return reading.error[:200] or f"{reading.protocol or reading.spoke} {leaf}".strip()
        case RememberedPage():
            return reading.error[:200] or f"HTTP {reading.status}, {reading.size} bytes"
        case OPAReading():
            said = (f"{each.canary or 'question'} {each.actual}" for each in reading.answers[:5])
            return (reading.error or ", ".join(said))[:200]
    return ""


def of_conditions(verdicts: Mapping[str, tuple[Verdict, ...]]) -> str:
    """How many conditions are true and how many are not known, in a few words."""
    every = [each for found in verdicts.values() for each in found]
    true = sum(each.status == "true" for each in every)
    unknown = sum(each.status == "unknown" and each.reason != Unknown.WARMING_UP for each in every)
    return f"{true} true, {unknown} unknown of {len(every)} conditions"
