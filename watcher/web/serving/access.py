"""Who may read, over what? The config's `server`, with the files that it names, which are read again."""

import asyncio
import logging
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from probes.contract.address import is_ip_address
from watcher.config.sections import ServerSettings
from watcher.runtime.descriptors import MOST_READERS
from watcher.web.serving.credentials import Credentials, PasswordChecks
from watcher.web.serving.places import Places, shares
from watcher.web.serving.tls import ServerFileError, read_file, server_context, tls_files

log = logging.getLogger(__name__)

_HOST = re.compile(r"(?:\[(?P<ip6>[^\[\]]+)\]|(?P<host>[^:\[\]]+))(?::[0-9]{0,5})?")
_TOKEN = re.compile(rb"[!-~]{1,4096}")


@dataclass(frozen=True, slots=True)
class _Loaded:
    """What was made of one state of config and files."""

    settings: ServerSettings
    files: Mapping[Path, bytes]
    context: ssl.SSLContext | None
    credentials: Credentials


class Access:
    """What holds for new connections and requests now. Files that cannot be used are told, and the last ones kept."""

    def __init__(self, settings: ServerSettings, connections: int = MOST_READERS) -> None:
        """Reads the files; ServerFileError where one cannot be used. `connections`: how many are held at once."""
        most = shares(connections).passwords
        # An address that guesses has few of them, or some that do would keep out who knows: a hash takes its time.
        self._checks = PasswordChecks(Places(most, max(1, most // 8)))
        self._wanted, self._reading = settings, asyncio.Lock()
        self._loaded = self._load(settings, _files(settings))
        self.trouble = ""

    @property
    def context(self) -> ssl.SSLContext | None:
        """What a new connection is served by; None for plain HTTP."""
        return self._loaded.context

    @property
    def credentials(self) -> Credentials:
        """What a request is judged by."""
        return self._loaded.credentials

    @property
    def wants_client_certificate(self) -> bool:
        """Whether a caller has to show one."""
        tls = self._loaded.settings.tls
        return tls is not None and tls.client_ca_file is not None

    def is_ours(self, host_header: str) -> bool:
        """Whether a `Host` header names this port: an address, localhost, or one of the allowed names."""
        match = _HOST.fullmatch(host_header)
        if match is None:
            return False
        if match["ip6"]:
            return is_ip_address(match["ip6"], 6)
        name = match["host"].lower().removesuffix(".")
        return is_ip_address(name, 4) or name == "localhost" or name in self._names()

    async def adopt(self, settings: ServerSettings) -> None:
        """Another config, from now on; its ports are those of the next start."""
        if moved := [name for name in settings.ADDRESS if getattr(settings, name) != getattr(self._wanted, name)]:
            extra = {"section": "server", "keys": moved}
            log.warning("config section changed, restart required", extra=extra)
        self._wanted = settings.at(self._wanted)
        await self.reread()

    async def reread(self) -> None:
        """Take files that changed; the log says so."""
        async with self._reading:  # what was read for an older config never comes after what was read for a newer one
            try:
                await self._take(self._wanted)
            except ServerFileError as error:
                if self.trouble != str(error):
                    log.warning("server files rejected, keeping the previous ones", extra={"error": str(error)})
                self.trouble = str(error)
            else:
                self.trouble = ""

    async def _take(self, wanted: ServerSettings) -> None:
        files = await asyncio.to_thread(_files, wanted)
        if (wanted, files) != (self._loaded.settings, self._loaded.files):
            self._loaded = await asyncio.to_thread(self._load, wanted, files)
            log.info("server files loaded", extra={"files": [str(path) for path in files]})

    def _names(self) -> set[str]:
        return {name.lower().removesuffix(".") for name in self._loaded.settings.allowed_hosts}

    def _load(self, settings: ServerSettings, files: Mapping[Path, bytes]) -> _Loaded:
        users = {name: secret.get_secret_value() for name, secret in settings.basic_auth_users.items()}
        token = _token(settings.bearer_token_file, files)
        context = None if settings.tls is None else server_context(settings.tls)
        return _Loaded(settings, files, context, Credentials(users, token, self._checks))


def _files(settings: ServerSettings) -> dict[Path, bytes]:
    files = {} if settings.tls is None else dict(tls_files(settings.tls))
    if settings.bearer_token_file is not None:
        files[settings.bearer_token_file] = read_file(settings.bearer_token_file)
    return files


def _token(path: Path | None, files: Mapping[Path, bytes]) -> bytes | None:
    if path is None:
        return None
    token = files[path].strip()
    if not _TOKEN.fullmatch(token):
        raise ServerFileError(f"{path} holds no token: expected 1 to 4096 printable characters without a space")
    return token
