"""An agent's own config that would hold up the loop is refused, and why is told."""

import pytest

from watcher.discovery.pod.agent_config import MAX_BYTES, read_config
from watcher.text.yaml_reader import YamlReader

SIZE = MAX_BYTES - 100


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("a: [" + "1," * (SIZE // 2) + "]", "a[1997]"),
        ("a: [" + "[]," * (SIZE // 3) + "]", "a[1997]"),
        ("x: &a [1]\ny: [" + "*a," * (SIZE // 3) + "]", "y["),
        ("\n".join(f"{number:x}: 1" for number in range(SIZE // 9)), "<not shown>"),
    ],
    ids=["scalars", "lists", "aliases", "keys"],
)
def test_a_config_of_very_many_values_is_not_read(text: str, where: str) -> None:
    [problem] = read_config(text).problems
    assert problem.startswith("config.yaml cannot be read: ")
    assert where in problem
    assert problem.endswith(": more than 2000 values")


def test_a_long_text_in_few_values_is_read() -> None:
    assert read_config(f'agent:\n  name: search\nnotes: "{"x" * (SIZE - 100)}"').problems == ()


def test_the_config_of_the_operator_may_have_as_many_values_as_it_needs() -> None:
    assert YamlReader("a: [" + "1," * 5000 + "]").document() == {"a": [1] * 5000}
