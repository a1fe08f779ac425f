"""Does a port answer in plaintext that should not?"""

from collections.abc import Mapping, Sequence

from probes.controls.catalogue.control import UnknownReason
from probes.controls.judges.tls_posture.case import Said, bad, good, unclear, untold, worst
from probes.controls.judges.tls_posture.versions import in_clear
from probes.controls.judging import Facts, Says
from probes.readings.handshake import Spoke
from probes.readings.tls_posture import InClear, PortTried, PortUse, TLSPosture

_EXEMPT = {PortUse.METRICS: "metrics", PortUse.PROBED: "kubelet probe"}
_PAGES = (401, 404)
"""What a server says of its pages, besides redirections; it may speak TLS at the same port and say so in plaintext."""

_NOTHING = (InClear.TLS, InClear.CLOSED)
_UNASKED = (InClear.OURS, InClear.LEFT_OUT)


def nothing_in_clear(posture: TLSPosture, facts: Facts) -> Said:
    """No declared port answers HTTP in plaintext, except those of metrics, kubelet probes and injected sidecars."""
    exempt = [each for each in posture.ports if _is_exempt(each, facts.container_roles)]
    asked = [each for each in posture.ports if each not in exempt]
    if posture.fault is not None or not asked:
        return untold(posture, None, "Plain HTTP")
    found = worst([_of_port(each, posture) for each in asked])
    return good(_kept(asked, exempt)) if found.says is Says.GOOD else found


def _is_exempt(port: PortTried, roles: Mapping[str, str]) -> bool:
    """Never the agent's own, nor that of OPA."""
    if port.use in (PortUse.AGENT, PortUse.OPA):
        return False
    return port.use in _EXEMPT or roles.get(port.container) == "sidecar"


def _kept(asked: Sequence[PortTried], exempt: Sequence[PortTried]) -> str:
    answers = "Port {} answers" if len(asked) == 1 else "None of the ports {} answers"
    numbers = ", ".join(str(each.number) for each in asked)
    exempted = ", ".join(f"{each.number} ({_EXEMPT.get(each.use, 'sidecar')})" for each in exempt)
    end = "no HTTP in plaintext" if len(asked) == 1 else "HTTP in plaintext"
    return f"{answers.format(numbers)} {end}{f'; exempt: {exempted}' if exempt else ''}."


def _of_port(port: PortTried, posture: TLSPosture) -> Said:
    name = f"Port {port.number}{f' of container {port.container}' if port.container else ''}"
    if port.answer in _UNASKED:
        why = posture.left_out or f"{name} was {port.answer}."
        return unclear(UnknownReason.NO_DATA, why)
    if port.use is PortUse.AGENT and posture.spoke is Spoke.PLAINTEXT_HTTP:
        return bad(in_clear(posture))
    if port.answer is InClear.NOBODY:  # a policy that rejects the watcher looks the same as a port without a listener
        return unclear(UnknownReason.UNREACHABLE, f"{name} refuses the watcher's connections; others may be let in.")
    if port.answer is InClear.HTTP:
        return _http(port, name)
    if port.completes_tls or port.answer in _NOTHING:
        return good(f"{name} answers no HTTP in plaintext.")
    if port.answer is InClear.OTHER:
        return unclear(UnknownReason.NO_DATA, f"{name} answers in plaintext, but not HTTP, and speaks no TLS.")
    return unclear(UnknownReason.UNREACHABLE, f"{name} answers the watcher neither in plaintext nor over TLS.")


def _http(port: PortTried, name: str) -> Said:
    what = "HTTP/2" if port.status is None else f"HTTP {port.status}"
    if port.use is PortUse.OPA:
        return bad(f"OPA answers in plaintext on port {port.number} of the pod's address ({what}).")
    if port.status is None or 200 <= port.status < 300:
        return bad(f"{name} answers in plaintext ({what}).")
    if port.completes_tls:
        return good(f"{name} answers no page in plaintext ({what}).")
    if port.completes_tls is None:
        return unclear(
            UnknownReason.UNREACHABLE, f"{name} answers {what} in plaintext; whether it speaks TLS is not known."
        )
    if 300 <= port.status < 400 or port.status in _PAGES:
        return bad(f"{name} answers in plaintext ({what}), and speaks no TLS.")
    return unclear(UnknownReason.NO_DATA, f"{name} answers {what} in plaintext, which is no page and no refusal.")
