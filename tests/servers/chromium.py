"""Debian's headless Chromium, driven by its DevTools protocol over a pipe: messages of JSON that end in a zero byte."""

import base64
import fcntl
import json
import os
import select
import shutil
import sys
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.servers.process import running
from tests.servers.tools import debian_tree, need

_PATIENCE = 60.0
"""Seconds for one answer: two cores may be busy with something else."""

_NAME = "chromium-headless-shell"

# The browser reads from descriptor 3 and writes to 4, whichever they are here.
_EXEC = (
    "import os, sys; os.dup2(int(sys.argv[1]), 3); os.dup2(int(sys.argv[2]), 4); os.execv(sys.argv[3], sys.argv[3:])"
)
_FLAGS = (
    "--remote-debugging-pipe",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--no-first-run",
    "--no-proxy-server",
    "--disable-background-networking",
)
_MOMENT = 0.05


class Wire:
    """Commands to the browser and what comes back."""

    def __init__(self, to: int, back: int) -> None:
        self._to, self._back, self._rest, self._number = to, back, b"", 0
        self.events: deque[dict[str, Any]] = deque()

    def call(self, method: str, session: str = "", **parameters: object) -> dict[str, Any]:
        """Its result; AssertionError with what the browser says against it."""
        self._number += 1
        command = {"id": self._number, "method": method, "params": parameters}
        message = json.dumps(command | ({"sessionId": session} if session else {})).encode() + b"\0"
        while message:
            message = message[os.write(self._to, message) :]
        while (answer := self.next()).get("id") != self._number:
            self.events.append(answer)
        assert "error" not in answer, f"{method}: {answer['error']}"
        result: dict[str, Any] = answer["result"]
        return result

    def next(self, within: float = _PATIENCE) -> dict[str, Any]:
        """The next message; AssertionError where none comes."""
        end = time.monotonic() + within
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._back], [], [], max(0.0, end - time.monotonic()))
            assert ready, f"the browser says nothing for {within} s"
            piece = os.read(self._back, 1 << 20)
            assert piece, "the browser is gone"
            self._rest += piece
        message, _, self._rest = self._rest.partition(b"\0")
        found: dict[str, Any] = json.loads(message)
        return found


@dataclass
class Tab:
    """One page of the browser, of a size and in a colour scheme."""

    wire: Wire
    session: str
    profile: str

    def __call__(self, method: str, **parameters: object) -> dict[str, Any]:
        """A command of the DevTools protocol to this page."""
        return self.wire.call(method, self.session, **parameters)

    def shaped(self, width: int, *, dark: bool = False) -> None:
        """So many CSS pixels wide."""
        height = 844 if width < 600 else 900
        self("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self("Emulation.setEmulatedMedia", features=[scheme])

    def open(self, url: str) -> None:
        """Go there and wait until all of it is loaded."""
        failed = self("Page.navigate", url=url).get("errorText")
        assert not failed, f"{url}: {failed}"
        self.until("document.readyState === 'complete' && location.href !== 'about:blank'")

    def run(self, expression: str) -> Any:
        """What an expression of JavaScript comes to, a promise awaited; AssertionError where it throws."""
        answer = self(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True, userGesture=True
        )
        assert "exceptionDetails" not in answer, f"{expression[:200]}: {answer['exceptionDetails']}"
        return answer["result"].get("value")

    def until(self, expression: str, *, within: float = 30.0) -> Any:
        """The first true value of an expression."""
        end = time.monotonic() + within
        while not (value := self.run(expression)):
            assert time.monotonic() < end, f"still {value!r} after {within} s: {expression}"
            select.select([], [], [], _MOMENT)
        return value

    def press(self, key: str) -> None:
        """Press and let go a key that is a character."""
        self("Input.dispatchKeyEvent", type="keyDown", key=key, text=key)
        self("Input.dispatchKeyEvent", type="keyUp", key=key)

    def allow(self, *permissions: str) -> None:
        """What a reader is asked for otherwise, such as to read the clipboard."""
        self.wire.call("Browser.grantPermissions", permissions=permissions, browserContextId=self.profile)

    def screenshot(self, file: Path) -> None:
        """The whole page as PNG."""
        picture = self("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        file.write_bytes(base64.b64decode(picture["data"]))

    def heard(self, method: str) -> Iterator[Mapping[str, Any]]:
        """The parameters of the events of this kind that came so far."""
        for event in self.wire.events:
            if event.get("method") == method and event.get("sessionId") == self.session:
                yield event["params"]


@dataclass
class Chromium:
    """A browser that runs."""

    wire: Wire

    @contextmanager
    def tab(self) -> Iterator[Tab]:
        """A page of a profile of its own."""
        profile = self.wire.call("Target.createBrowserContext")["browserContextId"]
        target = self.wire.call("Target.createTarget", url="about:blank", browserContextId=profile)["targetId"]
        session = self.wire.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        tab = Tab(self.wire, session, profile)
        for domain in ("Page", "Network", "Log", "Runtime"):
            tab(f"{domain}.enable")
        yield tab
        self.wire.call("Target.disposeBrowserContext", browserContextId=profile)


@contextmanager
def run_chromium() -> Iterator[Chromium]:
    """A headless Chromium until the end of the block; the test skips where it cannot be had."""
    with ExitStack() as stack:
        home = Path(stack.enter_context(TemporaryDirectory()))
        program, environment = _program(home)
        commands, to = _pipe(stack)
        back, answers = _pipe(stack)
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []  # it loads our own pages only
        browser = [str(program), *_FLAGS, *sandbox, f"--user-data-dir={home / 'profile'}"]
        command = [sys.executable, "-c", _EXEC, str(commands), str(answers), *browser]
        wire = Wire(to, back)

        def ready(_: object) -> Chromium:
            wire.call("Browser.getVersion")
            return Chromium(wire)

        with running(command, ready, environment=environment, pass_fds=(commands, answers)) as chromium:
            yield chromium


def _program(home: Path) -> tuple[Path, Mapping[str, str]]:
    """From PATH, else unpacked; with what it needs to know to run from there."""
    need(_NAME)
    if installed := shutil.which(_NAME):
        return Path(installed), {"HOME": str(home)}
    tree = debian_tree("chromium", _NAME, "fonts-dejavu-core", "fontconfig-config")
    libraries = os.pathsep.join(sorted({str(file.parent) for file in (tree / "usr/lib").rglob("*.so*")}))
    fonts = {"FONTCONFIG_FILE": str(_fonts(tree, home))}
    return tree / "usr/lib/chromium" / _NAME, {"LD_LIBRARY_PATH": libraries, "HOME": str(home)} | fonts


def _pipe(stack: ExitStack) -> tuple[int, int]:
    # Out of the way of 3 and 4, which the browser wants for itself.
    ends = []
    for end in os.pipe():
        ends.append(fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10))
        os.close(end)
        stack.callback(os.close, ends[-1])
    return ends[0], ends[1]


def _fonts(tree: Path, home: Path) -> Path:
    file = home / "fonts.conf"
    folders = '<include ignore_missing="yes">/etc/fonts/conf.d</include>'
    folders += "".join(f"<dir>{root}/usr/share/fonts</dir>" for root in ("", tree))
    file.write_text(f"<fontconfig>{folders}<cachedir>{home}/fonts</cachedir></fontconfig>")
    return file
