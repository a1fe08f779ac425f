"""Where does an agent that has this config connect to, beside other agents? OPA and the collector of traces."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from probes.contract.address import is_loopback
from probes.controls.judges.agent_config.case import ConfigCase

_OPA = "authorization.opa_endpoint"
_TRACING, _TRACES_TO = "observability.tracing.enabled", "observability.tracing.endpoint"


def endpoints_of(case: ConfigCase) -> Iterator[tuple[str, str]]:
    """The keys and URLs of those whose host is not this one."""
    for path in (_OPA,) if case.flag(_TRACING) is False else (_OPA, _TRACES_TO):
        url = case.declared(path)
        if isinstance(url, str) and (host := _host(url)) and not is_loopback(host):
            yield path, url


def _host(url: str) -> str:
    """Empty where there is none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
