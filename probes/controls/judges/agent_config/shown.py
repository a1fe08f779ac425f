"""How a value and a key of a config stand in a sentence: a value is told only where it cannot be a secret."""

from collections.abc import Mapping

from probes.contract.key_names import told_key
from probes.controls.evidence.agent_config import KeyPath, NotSet

_WORDS = frozenset(
    {"1.0", "1.1", "1.2", "1.3", "a2a", "all", "allow", "allow-all", "any", "audit", "critical", "debug", "deny",
     "dev", "development", "disabled", "enabled", "error", "fatal", "false", "grpc", "http", "https", "info",
     "jaeger", "json", "local", "log", "log-only", "mtls-static", "no", "none", "notset", "off", "on", "opa",
     "optional", "otlp", "permissive", "prd", "prod", "production", "qa", "spiffe", "spire", "stage", "staging",
     "strict", "test", "text", "trace", "true", "uat", "warn", "warning", "yes", "zipkin",
     "-.inf", ".inf", ".nan"}
)  # fmt: skip
"""What configs of agents say, rightly or not."""


def shown(value: object) -> str:
    """`log-only`, `the number 1.2`, `a text`, `missing`: a text that is none of the known words is not told."""
    match value:
        case NotSet():
            return "missing"
        case None:
            return "empty"
        case bool():
            return str(value).lower()
        case int() | float():
            return f"the number {value:g}" if abs(value) < 1_000_000 else "a number"
        case str():
            return value if value.casefold() in _WORDS else "empty" if not value.strip() else "another text"
        case Mapping():
            return "a mapping"
        case _:
            return "a list"


def key_name(place: KeyPath) -> str:
    """`agent.capabilities[0].name`, in one line; a key that may be a secret is not told."""
    parts = [f"[{part}]" if isinstance(part, int) else f".{told_key(part)}" for part in place]
    return "".join(parts).removeprefix(".")
