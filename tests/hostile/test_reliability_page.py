"""docs/reliability.md lists every attack of the suite, in its order and by its words."""

import re
from pathlib import Path

import pytest

from tests.hostile import metrics_attacks, opa_attacks, tls_records_attacks
from tests.repository import ROOT
from tests.servers.strangers import KINDS
from watcher.demo.authority import Authority


def _listed(title: str) -> list[str]:
    page = (ROOT / "docs" / "reliability.md").read_text()
    section = page.partition(f"\n### {title}\n")[2].partition("\n#")[0]
    return re.findall(r"^\d+\. (.+)$", section, re.MULTILINE)


def _tried(title: str, home: Path) -> list[str]:
    match title:
        case "Metrics pages":
            return [each.what for each in metrics_attacks.attacks()]
        case "OPAs":
            return [each.what for each in opa_attacks.attacks()]
        case "TLS ports":
            return [
                each.what for each in tls_records_attacks.all_attacks(home, Authority("example.org", 1_790_000_000))
            ]
    return list(KINDS.values())


@pytest.mark.parametrize("title", ["Metrics pages", "OPAs", "TLS ports", "Clients of the port"])
def test_the_page_lists_every_attack_and_no_other(title: str, tmp_path: Path) -> None:
    assert _listed(title) == _tried(title, tmp_path)
