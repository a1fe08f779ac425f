"""What is kept of a pod's template for the checklist: what its judges read, once for all pods that are alike.

No value of a variable, argument or annotation is kept as it is: stand-ins are (`probes.controls.judges.stand_ins`).
"""

import re
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any
from weakref import WeakValueDictionary

from pydantic_core import from_json, to_json

from probes.controls.evidence import PodTemplate
from probes.controls.judges.kubernetes_object.pre_stop import pre_stop_sleep
from probes.controls.judges.secret_texts.rules import INJECTORS, secret_rule
from probes.controls.judges.stand_ins import EXAMPLES, stand_in, stand_in_for_command
from watcher.discovery.pod.containers import PolicyFiles, agent_container, opa_beside, opa_container, policy_files
from watcher.discovery.pod.kept.cost import costs_too_much
from watcher.discovery.pod.opa import listens_on_loopback
from watcher.kube.objects import Raw

MOST_BYTES = 64 * 2**10
"""Of one template that is kept; the public chart's has two thousand."""

_OF_ONE_POD = frozenset({"nodeName", "hostname", "affinity", "tolerations"})
"""What pods of one template differ in."""

_LEFT_OUT = _OF_ONE_POD | {"nodeSelector", "imagePullSecrets", "schedulerName", "topologySpreadConstraints"}
_NAMES = frozenset(
    {"name", "image", "imagePullPolicy", "mountPath", "subPath", "path", "port", "scheme", "key", "secretName",
     "serviceAccountName", "serviceAccount", "restartPolicy", "protocol", "fieldPath", "cpu", "memory", "driver",
     "ephemeral-storage", "medium", "dnsPolicy", "type", "prefix", "priorityClassName", "service"}
)  # fmt: skip
"""Keys whose texts are names, paths and sizes."""

_LONGEST = 300
_DEEPEST = 20
_GONE = object()
_TOKEN_VOLUME = re.compile(rb'"kube-api-access-[a-z0-9]{5}"')
_ONE_NAME = b'"kube-api-access"'


class KeptTemplate:
    """A template as JSON; equal ones are one object as long as somebody has it."""

    __slots__ = ("__weakref__", "agent_container", "opa", "opa_on_loopback", "packed", "policy_files")

    def __init__(self, packed: bytes, spec: Raw) -> None:
        """`spec`: as it was read, of which the packed template has stand-ins."""
        agent = agent_container(spec)
        opa, sidecar = opa_container(agent, spec), opa_beside(agent, spec)
        self.packed, self.agent_container = packed, str(agent.get("name") or "")
        self.opa = "" if opa is None else str(opa.get("name") or "")
        self.opa_on_loopback = sidecar is not None and listens_on_loopback(sidecar)
        self.policy_files = PolicyFiles() if opa is None else policy_files(opa)

    def read(self) -> PodTemplate:
        """The template, made anew: its JSON takes a tenth of what it is as objects."""
        metadata, spec = from_json(self.packed)
        return PodTemplate(metadata, spec, self.agent_container)


_MOST_KNOWN = 20_000
_Known = WeakValueDictionary[bytes, KeptTemplate]
_read_before: _Known = WeakValueDictionary()  # by what was read: pods of a StatefulSet differ in the names of volumes
_by_content: _Known = WeakValueDictionary()  # by what is kept
_refused: dict[bytes, str] = {}  # why, by what was read
_large_texts: dict[bytes, bool] = {}  # whether there is a secret in an annotation, by its digest
_LARGE = 1000


def keep_template(metadata: Raw, spec: Raw) -> KeptTemplate:
    """What is kept of these; ValueError of a template that is too large."""
    annotations = _annotations(metadata.get("annotations") or {})
    told = to_json([annotations, {key: value for key, value in spec.items() if key not in _OF_ONE_POD}])
    digest = _digest(_TOKEN_VOLUME.sub(_ONE_NAME, told))
    if (known := _read_before.get(digest)) is not None:
        return known
    if (why := _refused.get(digest)) is not None:
        raise ValueError(why)
    if costs_too_much(spec, _LEFT_OUT):
        raise _refusal(digest, "its template has more variables, arguments or other parts than are read")
    packed = _TOKEN_VOLUME.sub(_ONE_NAME, to_json([{"annotations": annotations}, reduced_spec(spec)]))
    if len(packed) > MOST_BYTES:
        raise _refusal(digest, f"what is judged of its template is over {MOST_BYTES >> 10} KiB")
    made = KeptTemplate(packed, spec)
    if len(_read_before) >= _MOST_KNOWN:
        _read_before.clear()
    own = f"{made.agent_container} {made.opa} {made.opa_on_loopback} {made.policy_files}".encode()
    made = _by_content.setdefault(_digest(packed + own), made)
    _read_before[digest] = made
    return made


def _refusal(digest: bytes, why: str) -> ValueError:
    """It is told of again and again, and read once."""
    if len(_refused) >= _MOST_KNOWN:
        _refused.clear()
    _refused[digest] = why
    return ValueError(why)


def _digest(told: bytes) -> bytes:
    return blake2b(told, digest_size=16).digest()


def reduced_spec(spec: Raw) -> Mapping[str, Any]:
    """A pod's spec with what judges read of it, and stand-ins for its values."""
    kept = {key: _reduced(key, value, 0) for key, value in spec.items() if key not in _LEFT_OUT}
    return {key: value for key, value in kept.items() if value is not _GONE}


def _annotations(given: Mapping[str, object]) -> Mapping[str, str]:
    """Those that ask for secrets, and those that have one."""
    texts = {str(key): str(value) for key, value in given.items()}
    return {key: stand_in(value) for key, value in texts.items() if key.startswith(INJECTORS) or _has_secret(value)}


def _has_secret(text: str) -> bool:
    """A large text is looked through once, not each time that something else of the pod changes."""
    if len(text) <= _LARGE:
        return bool(secret_rule(text))
    digest = _digest(text.encode(errors="surrogatepass"))
    if (known := _large_texts.get(digest)) is None:
        if len(_large_texts) >= _MOST_KNOWN:
            _large_texts.clear()
        known = _large_texts[digest] = bool(secret_rule(text))
    return known


def _reduced(key: str, value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return _text(key, value)
    if depth > _DEEPEST:
        return _GONE
    if isinstance(value, dict):
        return _mapping(key, value, depth)
    if isinstance(value, list):
        if key in ("command", "args"):
            return stand_in_for_command([each for each in value if isinstance(each, str)])
        kept = (_variable(each) if key in ("env", "httpHeaders") else _reduced("", each, depth + 1) for each in value)
        return [each for each in kept if each is not _GONE]
    return value


def _text(key: str, value: str) -> Any:
    if rule := secret_rule(value):
        return EXAMPLES[rule]
    if key == "path":
        value = value.partition("?")[0]
    return value[:_LONGEST] if key in _NAMES else _GONE


def _mapping(key: str, value: Mapping[str, Any], depth: int) -> Mapping[str, Any]:
    kept = {each: _reduced(each, inner, depth + 1) for each, inner in value.items()}
    found = {each: inner for each, inner in kept.items() if inner is not _GONE}
    return found | {"preStop": _pre_stop(value)} if key == "lifecycle" and "preStop" in value else found


def _pre_stop(lifecycle: Mapping[str, Any]) -> Mapping[str, Any]:
    """How long it sleeps, with what its command shows of secrets."""
    seconds = pre_stop_sleep({"lifecycle": lifecycle})
    words: Sequence[str] = [] if seconds == 0 else ["sleep $A"] if seconds is None else [f"sleep {seconds:.6f}"]
    hook = lifecycle["preStop"]
    command = (
        _reduced("exec", hook.get("exec"), 0) if isinstance(hook, dict) and isinstance(hook.get("exec"), dict) else {}
    )
    return {"exec": {"command": [*command.get("command", ()), *words]}}


def _variable(entry: Any) -> Any:
    if not isinstance(entry, dict):
        return _GONE
    kept = _mapping("", {key: value for key, value in entry.items() if key != "value"}, 1)
    return {**kept, "value": stand_in(str(entry["value"]))} if entry.get("value") is not None else kept
