"""The watcher's own identity: from the SPIFFE Workload API, from files, or none."""

import os
from collections.abc import Callable

from watcher.config.identity import IdentitySettings
from watcher.identity.files import Files
from watcher.identity.identity import Identity
from watcher.identity.source import IdentitySource, Pace

__all__ = ["Identity", "Pace", "open_identity"]

_API_PACE = Pace(every=30.0, retry=5.0)
_FILES_PACE = Pace(every=5.0, retry=5.0)


def open_identity(
    settings: IdentitySettings | None,
    now: Callable[[], float],
    pace: Pace | None = None,
    *,
    date: Callable[[], float] | None = None,
) -> Identity:
    """The identity that these settings lead to, not started yet; None: none.

    `now` gives seconds that only time moves, `date` Unix seconds, by which its SVID ends; None: they are the same.
    """
    date = date or now
    if settings is None:
        return Identity(None, now, date, _FILES_PACE)
    if settings.cert_file and settings.key_file and settings.bundle_file:
        files = Files(settings.cert_file, settings.key_file, settings.bundle_file, settings.trust_domain)
        return Identity(lambda: files, now, date, pace or _FILES_PACE, always_confirmed=True)
    return _from_workload_api(settings, now, date, pace or _API_PACE)


def _from_workload_api(
    settings: IdentitySettings, now: Callable[[], float], date: Callable[[], float], pace: Pace
) -> Identity:
    def open_source() -> IdentitySource:
        # It would write to stderr past our log, also at each fork; what matters comes as an error.
        os.environ.setdefault("GRPC_VERBOSITY", "NONE")
        os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "false")
        from watcher.identity.workload_api import WorkloadAPI  # noqa: PLC0415  0.35 s that nobody else should pay

        return WorkloadAPI(settings.socket_path, settings.trust_domain, pace.patience)

    return Identity(open_source, now, date, pace)
