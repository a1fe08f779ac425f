"""Which changes are meant: every mistake in a query is a sentence that names the parameter."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.changes.change import Selection
from watcher.web.changes.asked import AskedError, asked

NOW = 1_790_000_000.0
KNOWN = ("Fire", "security.transport.tls13-enforced")


def test_without_a_query_the_last_day_is_meant() -> None:
    assert asked({}, KNOWN, NOW, 100) == (Selection(since=NOW - 86400), 100, 0, False)
    assert asked({"since": "", "limit": "", "condition": ""}, KNOWN, NOW, 100, plain=True).wanted.plain


def test_each_parameter_narrows_what_is_meant() -> None:
    query = {"namespace": "prod", "agent": "search", "pod": "a", "condition": "Fire", "since": "1h30m", "until": "10m"}
    wanted = Selection(NOW - 5400, NOW - 600, "prod", "search", "a", "Fire")
    assert asked(query | {"limit": "10000", "offset": "7"}, KNOWN, NOW, 100) == (wanted, 10000, 7, False)
    assert asked({"since": "2026-09-21T14:13:20Z"}, KNOWN, NOW, 1).wanted.since == NOW
    assert asked({"since": "2026-09-21T16:13:20+02:00"}, KNOWN, NOW, 1).wanted.since == NOW
    assert not asked({"explained": "true"}, KNOWN, NOW, 1, plain=True).wanted.plain
    assert [
        (found.wanted.failing, found.now)
        for only in ("", "failing", "failing-now")
        for found in (asked({"only": only}, KNOWN, NOW, 1),)
    ] == [(False, False), (True, False), (True, True)]


_MOMENT = "a duration such as 10m or 24h, or a time such as 2026-11-30T09:00:00Z"


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"offset": "-1"}, "offset: expected a number from 0 to 1000000, got '-1'"),
        ({"limit": "0"}, "limit: expected a number from 1 to 10000, got '0'"),
        ({"limit": "²"}, "limit: expected a number from 1 to 10000, got '²'"),
        ({"limit": "9" * 5000}, f"limit: expected a number from 1 to 10000, got '{'9' * 100}'"),
        ({"since": "yesterday"}, f"since: expected {_MOMENT}, got 'yesterday'"),
        ({"since": "2026-11-30T09:00:00"}, f"since: expected {_MOMENT}, got '2026-11-30T09:00:00'"),
        ({"until": "0001-01-01T00:00:00+23:59"}, f"until: expected {_MOMENT}, got '0001-01-01T00:00:00+23:59'"),
        (
            {"condition": "<script>"},
            "condition: expected the name of a condition or the id of a control, got '<script>'",
        ),
        ({"explained": "yes"}, "explained: expected true or false, got 'yes'"),
        ({"only": "bad"}, "only: expected failing or failing-now, got 'bad'"),
        ({"agent": "x" * 10_000}, "agent: expected at most 253 characters, got 10000"),
    ],
)
def test_a_bad_query_is_a_sentence(query: dict[str, str], sentence: str) -> None:
    with pytest.raises(AskedError) as refused:
        asked(query, KNOWN, NOW, 100)
    assert str(refused.value) == sentence


@given(
    st.dictionaries(
        st.sampled_from(["since", "until", "limit", "offset", "condition", "agent", "explained", "only"]),
        st.text(max_size=40),
    )
)
def test_whatever_is_asked_is_understood_or_refused(query: dict[str, str]) -> None:
    try:
        found = asked(query, KNOWN, NOW, 100)
    except AskedError:
        return
    assert 1 <= found.limit <= 10_000
    assert found.offset >= 0
