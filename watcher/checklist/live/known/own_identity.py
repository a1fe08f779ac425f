"""The watcher's own SVID and bundles, as evidence of the agents that have the same SPIRE."""

from collections.abc import Sequence

from probes.contract import Target
from probes.contract.spiffe_id import parse_spiffe_id
from probes.controls.catalogue.control import UnknownReason
from probes.controls.evidence import Missing, OwnWorkload, Seen
from watcher.engine.engine import Engine
from watcher.identity.source import IdentityTrouble

_SILENT = (IdentityTrouble.NOBODY_LISTENS, IdentityTrouble.HUNG, IdentityTrouble.UNAVAILABLE)
_AGAIN = 30.0
"""Seconds after which the Workload API was asked once more for certain."""


def own_identity(engine: Engine, pods: Sequence[Target]) -> Seen[OwnWorkload] | Missing:
    """As of now; `pods` are those of the agent."""
    settings, identity = engine.settings.identity, engine.identity
    if settings is None or not settings.workload_api:
        return Missing(UnknownReason.NOT_ENABLED, "The watcher has no Workload API of its own.")
    trouble = identity.trouble
    what = trouble.partition(":")[0]
    if what == IdentityTrouble.NOT_ASKED_YET:
        return Missing(UnknownReason.OBSERVING, "The Workload API has not answered yet.")
    current, now = identity.current, engine.clock.wall()
    expected = map(parse_spiffe_id, dict.fromkeys(each for target in pods for each in target.spiffe_ids))
    domains = tuple(dict.fromkeys(each.trust_domain for each in expected if each))
    own = OwnWorkload(
        trouble=trouble,
        silent=what in _SILENT,
        trust_domains=domains or ((current.trust_domain,) if current is not None else ()),
        bundles={domain: (end,) for domain, (_, end) in identity.newest_authorities().items()},
        confirmed=identity.confirmed,
    )
    return Seen(own, now, settings.workload_api, trouble[:200] or "an SVID and bundles", now + _AGAIN)
