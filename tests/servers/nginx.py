"""nginx on loopback: a TLS server of another make, and a plain page server."""

import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.servers.process import running
from tests.servers.tools import debian_package

_CONFIG = """
daemon off;
user root;
pid {home}/pid;
error_log stderr notice;
events {{}}
http {{
    access_log off;
    default_type text/plain;
    client_body_temp_path {home}/body;
    proxy_temp_path {home}/proxy;
    fastcgi_temp_path {home}/fastcgi;
    scgi_temp_path {home}/scgi;
    uwsgi_temp_path {home}/uwsgi;
    server {{
        listen {listen};
        root {home}/pages;
        {tls}
    }}
}}
"""


@contextmanager
def run_nginx(
    *,
    certificate: Path | None = None,
    key: Path | None = None,
    client_ca: Path | None = None,
    protocols: Sequence[str] = ("TLSv1.2", "TLSv1.3"),
    verify: str = "on",
    pages: Mapping[str, str] | None = None,
) -> Iterator[str]:
    """The `host:port` of an nginx that serves these pages (path to text; else `{}` at /health).

    Plain HTTP without a certificate; with `client_ca` a client must present a certificate of that authority. With
    `verify` (of nginx's ssl_verify_client) `optional_no_ca` it may be of any authority.
    """
    binary = debian_package("nginx", "nginx")
    with TemporaryDirectory() as directory, socket.create_server(("127.0.0.1", 0)) as listener:
        home, address = Path(directory), f"127.0.0.1:{listener.getsockname()[1]}"
        tls = _tls(certificate, key, client_ca, protocols, verify)
        listen = f"{address} ssl" if certificate else address
        (home / "nginx.conf").write_text(_CONFIG.format(home=home, listen=listen, tls=tls))
        _write_pages(home / "pages", {"/health": "{}"} if pages is None else pages)
        with _started(binary, home, listener):
            yield address


def _started(binary: Path, home: Path, listener: socket.socket) -> AbstractContextManager[bool]:
    """nginx refuses port 0, but takes over a listening socket as it does when its own binary is upgraded."""
    return running(
        [binary, "-p", home, "-c", home / "nginx.conf"],
        lambda _: (home / "pid").exists(),
        environment={"NGINX": f"{listener.fileno()};"},
        pass_fds=[listener.fileno()],
    )


def _tls(
    certificate: Path | None, key: Path | None, client_ca: Path | None, protocols: Sequence[str], verify: str
) -> str:
    if certificate is None:
        return ""
    lines = [f"ssl_certificate {certificate};", f"ssl_certificate_key {key};", f"ssl_protocols {' '.join(protocols)};"]
    if client_ca:
        lines += [f"ssl_client_certificate {client_ca};", f"ssl_verify_client {verify};", "ssl_verify_depth 3;"]
    if verify == "optional_no_ca":
        lines.append("if ($ssl_client_verify = NONE) { return 403; }")
    return "\n".join(lines)


def _write_pages(root: Path, pages: Mapping[str, str]) -> None:
    for path, text in pages.items():
        file = root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
