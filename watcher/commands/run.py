"""The command `run`: a config, an address, an event loop, and a daemon in it."""

import asyncio
import logging
import os
import socket
import sys
from argparse import Namespace
from collections.abc import Coroutine, Mapping
from contextlib import nullcontext
from functools import partial
from importlib.metadata import version
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from probes.contract.address import join_host_port
from watcher.commands.config_file import config_of
from watcher.config.environment import NESTED, PREFIX, unread_names
from watcher.config.file import ConfigError
from watcher.config.sections import ServerSettings
from watcher.config.settings import Settings, load_settings
from watcher.config.subprocess_loader import load_settings_aside
from watcher.daemon import Daemon, Reload
from watcher.runtime.descriptors import raise_limit
from watcher.state.lock import StateDirError, lock_state_dir
from watcher.web.serving.access import Access
from watcher.web.serving.tls import ServerFileError

log = logging.getLogger(__name__)

_BACKLOG = 4096
_NOT_READ = (
    f"names of the config have two underscores between section and key, such as {PREFIX}SERVER{NESTED}PORT; keys "
    "outside of all sections stand in the file only"
)


def command(given: Namespace) -> int:
    """`run [FILE]`."""
    return run(config_of(given), os.environ)


def run(config: Path, environ: Mapping[str, str]) -> int:
    """Watch until a signal; exit code 0 after a clean end, 2 for a config, address or directory that cannot be used."""
    try:
        settings = load_settings(config, environ)
    except ConfigError as error:
        print(*error.mistakes, sep="\n", file=sys.stderr)
        return 2
    try:
        Access(settings.server)
        listener, health_listener = _listeners(settings.server)
    except (ServerFileError, OSError) as error:
        print(f"{config}: server: {error}", file=sys.stderr)
        return 2
    try:
        lock = lock_state_dir(settings.state_dir) if settings.state_dir is not None else None
    except StateDirError as error:
        for each in (listener, health_listener):
            if each is not None:
                each.close()
        print(f"{config}: state_dir: {error}", file=sys.stderr)
        return 2
    raise_limit()
    _log_start(config, settings)
    for name in unread_names(environ):
        log.warning("environment variable not read", extra={"variable": name, "why": _NOT_READ})
    with listener, health_listener or nullcontext(), lock or nullcontext():
        reload = partial(load_settings_aside, config, environ)
        run_in_fastest_loop(_daemon(settings, reload, listener, health_listener))
    return 0


def _listeners(server: ServerSettings) -> tuple[socket.socket, socket.socket | None]:
    """The sockets of the pages and of the health pages alone; OSError says which cannot be had."""
    ports, found = (("port", server.port), ("health_port", server.health_port)), list[socket.socket]()
    for key, port in ports:
        if port is None:
            return found[0], None
        try:
            found.append(listen(server.host, port))
        except OSError as error:
            where = join_host_port(server.host, port)
            raise OSError(f"{key}: cannot listen on {where}: {_short(error)}") from error
    return found[0], found[1]


def _short(error: OSError) -> str:
    # asyncio and socket put the address behind the reason, and it stands before it already.
    return os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)


def _log_start(config: Path, settings: Settings) -> None:
    shard, identity = settings.shard, settings.identity
    facts = {
        "version": version("agentweave-watcher"),
        "config": str(config),
        "shard": f"{shard.index} of {shard.count}",
        "identity": str(identity.workload_api or identity.cert_file) if identity is not None else "none",
    }
    log.info("starting agentweave-watcher", extra=facts)


async def _daemon(
    settings: Settings, reload: Reload, listener: socket.socket, health_listener: socket.socket | None
) -> None:
    await Daemon(settings, reload).run(listener, health_listener)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; OSError where that cannot be had. `::` means every address, IPv4's too.

    A kernel without IPv6 has only the latter.
    """
    if ":" not in host:
        return socket.create_server((host, port), backlog=_BACKLOG)
    every = ip_address(host).is_unspecified
    if every and not socket.has_dualstack_ipv6():
        return socket.create_server(("0.0.0.0", port), backlog=_BACKLOG)  # noqa: S104  as `::` says
    return socket.create_server((host, port), family=socket.AF_INET6, backlog=_BACKLOG, dualstack_ipv6=every)


def run_in_fastest_loop(main: Coroutine[Any, Any, None]) -> None:
    """Run this to its end in the fastest event loop at hand."""
    try:
        import uvloop  # noqa: PLC0415  optional: the extra `fast`
    except ImportError:
        asyncio.run(main)
    else:
        uvloop.run(main)
