"""Links out of the config, filled in with what a target is; nothing that an agent says leads elsewhere."""

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.contract import Target, TargetKey
from tests.web.fleet.made_fleet import CALM, MadeFleet
from tests.web.markup import Markup
from watcher.config.file import ConfigError
from watcher.config.settings import load_settings
from watcher.web.links import links_of

SILENCE = "https://alertmanager.example.org/#/silences/new?filter=%7Bagent%3D%22${agent}%22%2Cpod%3D%22${pod}%22%7D"
CONFIG = f"""
links:
  Dashboard: "https://grafana.example.org/d/agentweave-agent?var-namespace=${{namespace}}&var-agent=${{agent}}"
  Silence: "{SILENCE}"
  Workload: "http://console/${{namespace}}/${{workload}}"
"""


def test_an_agents_page_has_the_links_of_the_config(tmp_path: Path) -> None:
    fleet = MadeFleet(tmp_path, {"prod/search/search-0": [CALM], "a&b/\"'/p": [CALM]}, CONFIG)
    fleet.describe("prod/search/search-0", workload="search api")
    links = Markup(fleet.get("/agents/prod/search-0").text).links
    assert "https://grafana.example.org/d/agentweave-agent?var-namespace=prod&var-agent=search" in links
    assert SILENCE.replace("${agent}", "search").replace("${pod}", "search-0") in links
    assert "http://console/prod/search%20api" in links
    odd = [each for each in Markup(fleet.get("/agents/a%26b/p").text).links if each.startswith("http")]
    assert odd == [
        "https://grafana.example.org/d/agentweave-agent?var-namespace=a%26b&var-agent=%22%27",
        SILENCE.replace("${agent}", "%22%27").replace("${pod}", "p"),
    ], "a link that needs what is not known is left out"


@given(st.text(min_size=1, max_size=50))
def test_what_is_filled_in_is_one_value_and_nothing_else(name: str) -> None:
    target = Target(key=TargetKey("prod", name, "p"))
    [link] = links_of({"x": "https://grafana.example.org/d?a=${agent}&b=1"}, target)
    parts = urlsplit(link.url)
    assert (parts.scheme, parts.netloc, parts.path, parts.fragment) == ("https", "grafana.example.org", "/d", "")
    said = parse_qs(parts.query, keep_blank_values=True)
    assert said == {"a": [name.encode(errors="replace").decode()], "b": ["1"]}


MISTAKES = {
    "links: {x: 'javascript:alert(1)'}": "expected an http or https URL such as",
    "links: {x: 'https://${agent}.example.org/'}": "with ${...} only after its host",
    "links: {x: 'https://user:secret@example.org/'}": "expected an http or https URL such as",
    "links: {x: 'https://example.org/${name}'}": "${name} is none of ${namespace}, ${agent}, ${pod}, ${node}",
    "links: {x: 'https://example.org/a b'}": "expected an http or https URL such as",
    "links: {'': 'https://example.org/'}": "expected names of 1 to 40 characters on one line, got ''",
    "links: {x: 7}": "links.x",
    "links: [x]": "links",
}


@pytest.mark.parametrize(("text", "said"), MISTAKES.items())
def test_a_link_that_cannot_be_meant_is_a_mistake_of_the_config(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "watcher.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as refused:
        load_settings(path, {})
    [mistake] = refused.value.mistakes
    assert said in mistake
    assert "secret" not in mistake


def test_there_are_at_most_twelve_links(tmp_path: Path) -> None:
    path = tmp_path / "watcher.yaml"
    path.write_text("links: {" + ", ".join(f"l{at}: 'https://example.org/'" for at in range(13)) + "}")
    with pytest.raises(ConfigError):
        load_settings(path, {})
