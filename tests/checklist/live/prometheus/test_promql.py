"""Which selectors make an expression give something? Found in its text."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.checklist.live.prometheus.promql import Selector, selected


@pytest.mark.parametrize(
    ("expression", "selectors"),
    [
        ("up == 0", ["up{}"]),
        ('up{job="a", pod=~"b.*",} == 0', ['up{job="a",pod=~"b.*"}']),
        ('{__name__="up"}', ['{__name__="up"}']),
        ('{"some.name", a="b"}', ['{__name__="some.name",a="b"}']),
        (
            "sum by (agent) (rate(errors_total[5m])) / sum(rate(requests_total[5m])) by (agent) > 0.05",
            ["errors_total{}", "requests_total{}"],
        ),
        ("histogram_quantile(0.95, sum without (pod) (rate(d_bucket[5m])))", ["d_bucket{}"]),
        ("a and on (pod) b", ["a{}"]),
        ("a unless ignoring (x) b or c", ["a{}", "c{}"]),
        ("a and (b or c) and d or e", ["a{}", "e{}"]),
        ("max(a unless b, c)", ["a{}", "c{}"]),
        ("(a > bool 1) * on (pod) group_left (team) info_total", ["a{}", "info_total{}"]),
        ("max_over_time(a[1h:5m] offset 1d) > 0x1F", ["a{}"]),
        ("a @ start() > 1e-3", ["a{}"]),
        ("predict_linear(free[6h], 4 * 3600) < 0", ["free{}"]),
        ("a # up{}\n> 1", ["a{}"]),
        ("a > inf or -b < NaN", ["a{}", "b{}"]),
        ('a{b="}{,\\"", c=\'[\', d=`"`}', ['a{b="}{,\\"",c=\'[\',d=`"`}']),
        ("job:errors:rate5m > 1", ["job:errors:rate5m{}"]),
    ],
)
def test_the_selectors_that_count_are_found(expression: str, selectors: list[str]) -> None:
    found = selected(expression)
    assert [each.text() for each in found.selectors] == selectors
    assert found.untellable == ""


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("absent(up{job='a'})", "absent() fires where there is nothing"),
        ('label_replace(a, "pod", "$1", "instance", "(.*)") > 1', "label_replace() makes labels of its own"),
        ('count_values by (job) ("version", build_info)', "count_values() makes labels of its own"),
        ("vector(1)", "its expression selects no series"),
        ("a)", "its expression cannot be read"),
        ("a{b=}", "its expression cannot be read"),
        ("a{b='c'", "its expression cannot be read"),
        ("a ; b", "its expression cannot be read"),
        ("x" * 20_001, "its expression is too long to be read"),
    ],
)
def test_what_does_not_tell_whose_series_it_is_about_is_told(expression: str, why: str) -> None:
    assert selected(expression).untellable == why


def test_selectors_take_further_matchers() -> None:
    assert Selector("up", (("job", "=", '"a"'),)).text('cluster="b"') == 'up{job="a",cluster="b"}'


@given(st.text(alphabet='ab(){}[],"= ~!and or unless by', max_size=40))
def test_any_text_gives_selectors_or_a_reason(text: str) -> None:
    found = selected(text)
    assert found.selectors or found.untellable
    assert all(re.fullmatch(r"[a-z_:]*", each.name, re.IGNORECASE) for each in found.selectors)
