"""What is kept of a ConfigMap for the checklist: what is to be judged of its texts, and of the agent's config in it."""

import re
from base64 import b64decode, b64encode
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from pydantic_core import from_json, to_json

from probes.controls.evidence import AgentConfigFile, KubeObject
from probes.controls.evidence.agent_config import KeyPath
from probes.controls.judges.secret_texts.documents import doubts_of
from probes.controls.judges.secret_texts.rules import secret_rule
from probes.controls.judges.stand_ins import stand_in, stand_in_for_file
from probes.controls.judges.texts import texts_of
from probes.readings.opa.policies import policy_digest
from watcher.checklist.agent_config import read_agent_config
from watcher.checklist.live.kubernetes.objects.kinds import meta_of
from watcher.discovery.pod.kept.pod import seconds
from watcher.kube.objects import Raw

_NO_TEXT = b64encode(b"\xff").decode()
_NUMBER = 1000
"""In place of a number that may be a secret."""

_FETCHES = re.compile(r"[\"']?\b(bundles?|discovery)[\"']?\s*:")
_MOST_KEYS = 1000
_MOST_MANAGERS = 100


@dataclass(frozen=True, slots=True)
class KeptConfig:
    """An agent's config, packed, with stand-ins for what is or may be a secret."""

    packed: bytes
    digest: str  # of its text, `sha256:...`

    def read(self, sdk_version: str, *, in_place: bool | None) -> AgentConfigFile:
        """The config, made anew."""
        document, lines, broken = from_json(self.packed)
        places: dict[KeyPath, int] = {tuple(place): line for place, line in lines}
        return AgentConfigFile(document, places, sdk_version, in_place, tuple((line, why) for line, why in broken))


@dataclass(frozen=True, slots=True)
class KeptConfigMap:
    """A ConfigMap."""

    namespace: str
    name: str
    packed: bytes  # its body with stand-ins, as JSON
    changed_at: float | None  # Unix seconds at which its data was changed last; None: nobody says
    configs: Mapping[str, KeptConfig]  # agents' configs in it, by key
    policy: str  # the digest of its modules of Rego, `sha256:...`; empty where it has none
    opa_configs: Mapping[str, bool]  # by key of its other files: whether OPA fetches policies by it, were it its config
    read_at: float  # Unix seconds

    @property
    def ref(self) -> str:
        """Where it is."""
        return f"configmap/{self.namespace}/{self.name}"

    def object(self) -> KubeObject:
        """As judges read it."""
        return KubeObject("ConfigMap", self.namespace, self.name, from_json(self.packed), self.ref)


def keep_config_map(raw: Raw, keys: Collection[str], now: float) -> KeptConfigMap:
    """What is kept of one as the API server gives it at `now`, Unix seconds; `keys`: those with agents' configs."""
    meta, data = raw["metadata"], raw.get("data") or {}
    body = without_values(raw)
    configs = {key: keep_config(str(data[key])) for key in keys if key in data}
    policy = policy_digest({str(key): str(text) for key, text in data.items() if _is_module(str(key))})
    named = str(meta["namespace"]), str(meta["name"])
    others = {str(key): bool(_FETCHES.search(str(text))) for key, text in data.items() if not _is_module(str(key))}
    return KeptConfigMap(*named, to_json(body), _changed_at(meta), configs, policy, others, now)


def _is_module(key: str) -> bool:
    return key.endswith(".rego") and not key.endswith("_test.rego")


def without_values(raw: Raw) -> dict[str, Any]:
    """The body of a ConfigMap with stand-ins for all its texts; ValueError where it has too many."""
    data, binary = raw.get("data") or {}, raw.get("binaryData") or {}
    if len(data) + len(binary) > _MOST_KEYS:
        raise ValueError(f"it has more than {_MOST_KEYS} keys, which are not read")
    return {
        "metadata": meta_of(raw) | {"managedFields": _managers(raw["metadata"])},
        "data": {str(key): stand_in_for_file(str(key), str(value)) for key, value in data.items()},
        "binaryData": {str(key): _binary(str(key), str(value)) for key, value in binary.items()},
    }


def keep_config(text: str) -> KeptConfig:
    """What is kept of an agent's config."""
    raw = text.encode(errors="surrogatepass")
    read = read_agent_config(raw, "", in_place=None)
    lines = [[list(place), line] for place, line in read.lines.items()]
    packed = to_json([without_secrets(read.document), lines, [list(each) for each in read.broken]])
    return KeptConfig(packed, f"sha256:{sha256(raw).hexdigest()}")


def without_secrets(document: Mapping[str, object]) -> object:
    """The document of a config, with stand-ins for what is or may be a secret."""
    rules = {place for place, text in texts_of(document) if secret_rule(text)}
    return _replaced(document, (), rules | {place for place, _ in doubts_of(document)})


def _replaced(value: object, place: KeyPath, secret: Collection[KeyPath]) -> object:
    if isinstance(value, dict):
        return {key: _replaced(inner, (*place, str(key)), secret) for key, inner in value.items()}
    if isinstance(value, list):
        return [_replaced(inner, (*place, number), secret) for number, inner in enumerate(value)]
    if place not in secret:
        return value
    return stand_in(value) if isinstance(value, str) else _NUMBER


def _binary(key: str, value: str) -> str:
    try:
        text = b64decode(value).decode()
    except ValueError:
        return _NO_TEXT
    return b64encode(stand_in_for_file(key, text).encode()).decode()


def _managers(meta: Raw) -> list[dict[str, Any]]:
    """Who changed its data last."""
    found = (each for each in meta.get("managedFields") or () if "f:data" in (each.get("fieldsV1") or {}))
    kept = [{"manager": each.get("manager"), "time": each.get("time"), "fieldsV1": {"f:data": {}}} for each in found]
    return kept[:_MOST_MANAGERS]


def _changed_at(meta: Raw) -> float | None:
    """As those say who changed it, and not before it was made; that alone says nothing of what it holds now."""
    times = [each.get("time") for each in meta.get("managedFields") or () if _has_data(each)]
    return max(map(seconds, (meta.get("creationTimestamp"), *times))) if times and all(times) else None


def _has_data(managed: Raw) -> bool:
    return bool({"f:data", "f:binaryData"} & (managed.get("fieldsV1") or {}).keys())
