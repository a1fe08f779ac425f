"""What bodies of /health and agent cards say, of whatever make, and of no make at all."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.readings.health.answer import PathAnswer
from probes.readings.health.card import AgentCard, read_card
from probes.readings.health.document import (
    LONGEST_NAME,
    MOST_COMPONENTS,
    Component,
    HealthDocument,
    HealthState,
    Kind,
    read_health,
)

HEALTHY, DEGRADED, UNHEALTHY, UNSAID = HealthState


def read(body: object) -> HealthDocument:
    return read_health(json.dumps(body).encode())


@pytest.mark.parametrize(
    ("word", "state"),
    [
        *[(word, HEALTHY) for word in ("healthy", "OK", "Up", "pass", "serving", " ready ", True)],
        *[(word, DEGRADED) for word in ("degraded", "WARN")],
        *[(word, UNHEALTHY) for word in ("unhealthy", "DOWN", "fail", "NOT_SERVING", False)],
        *[(word, UNSAID) for word in ("fine, thanks", "", 200, None, ["healthy"], {"healthy": 1}, "o" * 1000)],
    ],
)
def test_a_status_is_read_by_the_words_that_are_in_use(word: object, state: HealthState) -> None:
    assert read({"status": word}) == HealthDocument(state)


@pytest.mark.parametrize(
    "body",
    [
        {"components": {"spiffe": {"status": "UP"}, "opa": {"status": "DOWN"}}},  # Spring Boot
        {"checks": {"spiffe": [{"status": "pass"}], "opa": [{"status": "pass"}, {"status": "fail"}]}},  # health+json
        {"dependencies": [{"name": "spiffe", "healthy": True}, {"name": "opa", "healthy": False}]},
        {"services": {"spiffe": "ok", "opa": "error"}},
        {"details": {"spiffe": True, "opa": False}},
    ],
)
def test_components_are_read_in_the_forms_that_are_in_use(body: dict[str, object]) -> None:
    found = read({"status": "healthy", **body})
    assert found.components == (Component("spiffe", HEALTHY), Component("opa", UNHEALTHY))
    assert found.states(Kind.IDENTITY) == {HEALTHY}
    assert found.states(Kind.AUTHORIZATION) == {UNHEALTHY}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *[(name, Kind.IDENTITY) for name in ("identity", "spire-agent", "SPIFFE", "svid", "workload_api")],
        *[(name, Kind.AUTHORIZATION) for name in ("authorization", "opa", "OPA", "authz", "policy-engine", "my_opa")],
        *[(name, Kind.OTHER) for name in ("database", "", "unopened", "redis")],
    ],
)
def test_what_a_component_is_is_told_by_its_name(name: str, kind: Kind) -> None:
    assert Component(name, HEALTHY).kind is kind


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"<html>", "HTML"),
        (b"\n <!doctype html>", "HTML"),
        (b"OK", "no JSON"),
        (b"\xff\xfe\xfa", "no JSON"),
        (b'{"status": ', "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b'{"status": ' + b"9" * 10_000 + b"}", "no JSON"),
        (b'"healthy"', "JSON, and no object"),
        (b"[]", "JSON, and no object"),
        (b"null", "JSON, and no object"),
        (b'{"state": "healthy"}', "a JSON object without a member status"),
    ],
)
def test_what_is_no_health_document_is_said_to_be_what_it_is(body: bytes, problem: str) -> None:
    assert read_health(body) == HealthDocument(problem=problem)


def test_names_are_cut_and_counted() -> None:
    found = read({"status": "ok", "checks": {f"{'ä' * 500}{number}": "ok" for number in range(500)}})
    assert len(found.components) == MOST_COMPONENTS
    assert {len(each.name) for each in found.components} == {LONGEST_NAME}
    assert all(each.name.isascii() for each in found.components)


@pytest.mark.parametrize(
    ("answer", "ill"),
    [
        (PathAnswer("/health", 200, document=read({"status": "healthy"})), False),
        (PathAnswer("/health", 200, document=read({"status": "hm"})), False),
        (PathAnswer("/health", 200, document=read({"status": "degraded"})), True),
        (PathAnswer("/health", 200, document=read({"status": "healthy", "checks": {"opa": "down"}})), True),
        (PathAnswer("/health", 503, document=read_health(b"")), True),
        (PathAnswer("/health", 404, document=read_health(b"")), False),
    ],
)
def test_an_answer_tells_of_trouble_by_its_status_its_word_or_a_component(answer: PathAnswer, *, ill: bool) -> None:
    assert answer.ill is ill


@pytest.mark.parametrize(
    ("card", "found"),
    [
        ({}, AgentCard()),
        ({"capabilities": {"streaming": True}, "skills": [{"id": "a", "description": "A."}]}, AgentCard(1)),
        ({"capabilities": [{"name": "a"}, {"name": "b", "description": "B."}]}, AgentCard(2, 1, ("a",))),
        ({"capabilities": ["a", 7, None]}, AgentCard(1, 1, ("a",))),
        ({"skills": [{"description": ""}]}, AgentCard(1, 1, ("?",))),
    ],
)
def test_a_card_tells_which_of_its_capabilities_have_no_description(card: object, found: AgentCard) -> None:
    assert read_card(json.dumps(card).encode()) == found


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["status", "components", "checks", "details", "name", "capabilities", "skills", "id"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(_json)
def test_whatever_json_says_it_is_read_and_its_names_are_fit_to_print(body: object) -> None:
    text = json.dumps(body).encode()
    found, card = read_health(text), read_card(text)
    names = [each.name for each in found.components] + list(card.names)
    assert all(name.isascii() and name.isprintable() and len(name) <= LONGEST_NAME for name in names)
    assert card.undescribed <= card.capabilities
    if isinstance(body, dict) and "status" in body:
        assert found.problem == ""
    else:
        assert found.problem


@given(st.binary(max_size=200))
def test_whatever_bytes_come_they_are_read(body: bytes) -> None:
    read_health(body)
    read_card(body)
