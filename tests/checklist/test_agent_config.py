"""An agent's config.yaml as evidence: every key with its line, and of what is no config why, without its values."""

import time

import pytest

from watcher.checklist.agent_config import MAX_BYTES, read_agent_config


def _broken(raw: bytes) -> tuple[tuple[int, str], ...]:
    found = read_agent_config(raw, "1.0.0", in_place=True)
    assert (found.document, found.lines) == ({}, {})
    return found.broken


def test_every_key_and_item_has_its_line() -> None:
    found = read_agent_config(
        b"agent:\n  name: search\n  capabilities:\n  - name: a\n  - {name: b}\n", "1.0.0", in_place=None
    )
    assert found.document == {"agent": {"name": "search", "capabilities": [{"name": "a"}, {"name": "b"}]}}
    assert (found.in_place, found.sdk_version, found.broken) == (None, "1.0.0", ())
    assert found.lines == {
        ("agent",): 1,
        ("agent", "name"): 2,
        ("agent", "capabilities"): 3,
        ("agent", "capabilities", 0): 4,
        ("agent", "capabilities", 0, "name"): 4,
        ("agent", "capabilities", 1): 5,
        ("agent", "capabilities", 1, "name"): 5,
    }  # fmt: skip


def test_what_an_alias_repeats_has_its_line_at_both_places() -> None:
    found = read_agent_config(b"a: &x\n  b: 1\nc: *x\n", "1.0.0", in_place=True)
    assert (found.lines["a", "b"], found.lines["c", "b"], found.lines["c",]) == (2, 2, 3)


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (b"", ((1, "expected a mapping with sections such as agent, got nothing"),)),
        (b"- agent\n", ((1, "expected a mapping with sections such as agent, got a list"),)),
        (b"hunter2\n", ((1, "expected a mapping with sections such as agent, got a single value"),)),
        (b"agent: [hunter2\nb: }", ((2, "not YAML: did not find expected ',' or ']'"),)),
        (b"a: 1\nb: \xff", ((2, "not YAML: expected UTF-8, got byte 0xff"),)),
        (b"a: 1\n---\nb: 2\n", ((2, "expected one YAML document, got a second one"),)),
        (b"a: !hunter2 x\n", ((1, "a: tags are not supported; a text that begins with ! needs quotes"),)),
        (
            b"ghp_" + b"a" * 36 + b": 1\nb: 2\nghp_" + b"a" * 36 + b": 1",
            ((3, "<not shown>: the same key as on line 1, expected it once"),),
        ),
        (
            b"a: {b: strict}\nc: 1\na: {b: none}\nc: 2\n",
            (
                (3, "a: the same key as on line 1, expected it once"),
                (4, "c: the same key as on line 2, expected it once"),
            ),
        ),
    ],
)
def test_what_is_no_config_is_broken_with_the_line_and_none_of_its_values(
    raw: bytes, told: tuple[tuple[int, str], ...]
) -> None:
    assert _broken(raw) == told


def test_what_is_too_large_or_too_many_is_not_read() -> None:
    assert _broken(b"a: " + b"x" * MAX_BYTES) == ((1, "over 1024 KiB, which no ConfigMap holds; it was not read"),)
    assert _broken(b"a: [" + b"1," * 20_000 + b"]") == ((1, "a[9997]: more than 10000 values"),)
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    bomb += "".join(f"a{n}: &a{n} [" + f"*a{n - 1}," * 10 + "]\n" for n in range(1, 9))
    begin = time.process_time()
    ((line, why),) = _broken(bomb.encode())
    assert "with its aliases written out" in why
    assert line
    assert time.process_time() - begin < 2


def test_a_megabyte_of_one_text_is_read() -> None:
    found = read_agent_config(b"a: " + b"x" * (MAX_BYTES - 3), "1.0.0", in_place=True)
    assert found.broken == ()
