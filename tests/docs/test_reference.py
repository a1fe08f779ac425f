"""The pages of docs/ that are made from code are as the code is."""

import pytest
import yaml

from probes import load_probes
from probes.contract import Unknown
from tests.repository import ROOT
from watcher.commands.reference.metrics_page import _LABELS
from watcher.commands.reference.pages import PAGES
from watcher.config.schema import config_schema
from watcher.metrics.families import FAMILIES

DOCS = ROOT / "docs"


@pytest.mark.parametrize("name", PAGES)
def test_a_generated_page_is_as_make_docs_writes_it(name: str) -> None:
    assert (DOCS / name).read_text() == PAGES[name](), "run make docs"


def test_conditions_have_every_condition_and_every_reason() -> None:
    text = PAGES["conditions.md"]()
    for kind in (kind for probe in load_probes() for kind in probe.conditions):
        assert f"\n### {kind.name}\n" in text
        assert all(reason in text for reason in kind.reasons)
        assert (ROOT / "alerts" / "runbooks" / f"AgentWeave{kind.name}.md").is_file()
    assert all(f"\n| `{reason}` | " in text for reason in Unknown)


def test_the_configuration_has_every_section_and_keys_of_all_depths() -> None:
    text = PAGES["configuration.md"]()
    assert [name for name in config_schema()["properties"] if f"\n## `{name}`\n" not in text] == []
    for row in (
        "| `server.port` | whole number | `9847` | ",
        "| `sources.opa.interval` | duration | `30s` | ",
        "| `discovery.static[].address` | text |  | ",
        "| `discovery.static[].namespace` | text | required | ",
        "| `probes.opa.canaries[].expect` | ",
        "| `probes.memory.high_ratio` | ",
        "| `discovery.kubernetes.spiffe_id_template` | ",
    ):
        assert f"\n{row}" in text


def test_metrics_have_every_family() -> None:
    text = PAGES["metrics.md"]()
    every = [*FAMILIES, *(metric for probe in load_probes() for metric in probe.metrics)]
    assert [each.name for each in every if f"\n| `{each.name}` | {each.kind} | " not in text] == []
    assert set(_LABELS) <= set(FAMILIES)


def test_the_site_leads_to_every_page() -> None:
    site = yaml.safe_load((ROOT / "mkdocs.yml").read_text())
    listed = {
        page
        for section in site["nav"]
        for pages in section.values()
        for page in ([pages] if isinstance(pages, str) else pages)
    }
    assert listed == {"index.md", *(path.name for path in DOCS.glob("*.md"))}
