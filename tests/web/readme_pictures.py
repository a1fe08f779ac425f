"""`python -m tests.web.readme_pictures`: the pictures of README, taken of the demo, light and dark, in three minutes.

1. The demo runs four times slower than usual: faults stand long enough to be pictured together.
2. The fleet page, once three agents are in trouble; the runbook of an overdue rotation, once that is seen.
"""

import base64
import json
import sys
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from tests.repository import ROOT
from tests.servers.chromium import Tab, run_chromium
from tests.servers.process import eventually, port_of, running

PICTURES = ROOT / "docs" / "pictures"
SLOWER = 4
RUNBOOK = "/runbooks/AgentWeaveSVIDRotationOverdue?namespace=demo&agent=search&pod=search-0"


def main() -> int:
    """Take all four."""
    command = [sys.executable, "-m", "watcher", "demo", "--port", "0", "--slower", str(SLOWER)]
    with running(command, port_of) as port, run_chromium() as chromium, chromium.tab() as tab:
        eventually(lambda: _fleet(port).count('"OPAPolicyMissing"'), within=60.0 * SLOWER)
        _take(tab, f"http://127.0.0.1:{port}/", "fleet", 700)
        eventually(lambda: _fleet(port).count('"SVIDRotationOverdue"'), within=60.0 * SLOWER)
        _take(tab, f"http://127.0.0.1:{port}{RUNBOOK}", "runbook", 820)
    return 0


def _fleet(port: int) -> str:
    """The rows of the fleet page; empty while nobody answers."""
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/api/v1/fleet")
        return json.dumps(json.load(connection.getresponse())["rows"])
    except (OSError, HTTPException, ValueError):
        return ""
    finally:
        connection.close()


def _take(tab: Tab, url: str, name: str, height: int) -> None:
    for scheme in ("light", "dark"):
        tab("Emulation.setDeviceMetricsOverride", width=1100, height=height, deviceScaleFactor=1, mobile=False)
        tab("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        tab.open(url)
        _save(tab, PICTURES / f"{name}-{scheme}.png")


def _save(tab: Tab, file: Path) -> None:
    file.write_bytes(base64.b64decode(tab("Page.captureScreenshot", format="png")["data"]))
    print(file.relative_to(ROOT))


if __name__ == "__main__":
    sys.exit(main())
