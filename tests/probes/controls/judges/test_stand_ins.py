"""What is kept of a value says the same to every judge as the value did, and is not the value."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from probes.controls.judges.secret_texts.names import SWITCHES, WAYS, names_secret
from probes.controls.judges.secret_texts.rules import (
    FETCHED,
    is_uncertain,
    looks_random,
    may_be_secret,
    may_have_secret,
    refers_to_secret,
    secret_rule,
)
from probes.controls.judges.stand_ins import (
    EXAMPLES,
    PLAIN,
    RANDOM,
    RANDOM_HEX,
    stand_in,
    stand_in_for_command,
    stand_in_for_file,
)

NAMES = st.sampled_from(
    ["DB_PASSWORD", "AUTH", "TOKEN_FILE", "PWD_PATH", "CREDENTIALS", "LOG_LEVEL", "git_sha", "TOKEN_SHA256", "password"]
)
MADE_UP = (
    *(
        "hunter2",
        "://",
        "/run/secrets/x",
        "$(DB)",
        "${DB}",
        "$DB_PASS",
        "{{ x }}",
        "<none>",
        "file:",
        "env:X",
        "arn:aws",
    ),
    *(" ", "0.25", "1e9", "deadbeef", "FILE:/x", "\n", "password: hunter2", "-----BEGIN CERTIFICATE-----"),
    "/var/run/secrets/kubernetes.io/serviceaccount/token",
    *("?password=", " password=x", "Basic YTpiYw==", "Bearer hunter2", "-u a:b", "-u", "4096"),
)
PARTS = st.sampled_from([*SWITCHES, *WAYS, *FETCHED, *EXAMPLES.values(), RANDOM, RANDOM_HEX, *MADE_UP])
TEXTS = st.one_of(
    st.text(max_size=40), st.lists(PARTS, max_size=4).map("".join), st.lists(PARTS, max_size=3).map(" ".join)
)


@given(NAMES, TEXTS)
@example("AUTH", " Basic ")
@example("PASSWORD", "$(A)$(B)")
def test_judges_say_the_same_of_a_stand_in_as_of_the_text(name: str, text: str) -> None:
    kept = stand_in(text)
    assert bool(kept.strip()) == bool(text.strip())
    assert secret_rule(kept) == secret_rule(text)
    assert looks_random(kept) == looks_random(text)
    assert names_secret(name, kept) == names_secret(name, text)
    if not secret_rule(text):  # else the rule is told, and nothing beside it
        assert may_be_secret(name, kept) == may_be_secret(name, text)
        assert is_uncertain(name, kept) == is_uncertain(name, text)
        assert refers_to_secret(name, kept) == refers_to_secret(name, text)
        assert kept.startswith(FETCHED) == text.startswith(FETCHED)


@given(st.sampled_from(["config.yaml", "app.env", "password"]), st.lists(TEXTS, max_size=4).map("\n".join))
def test_judges_say_the_same_of_what_is_kept_of_a_file(name: str, text: str) -> None:
    kept = stand_in_for_file(name, text)
    assert secret_rule(kept) == secret_rule(text)
    if not secret_rule(text):
        assert bool(may_have_secret(name, kept)) == bool(may_have_secret(name, text))


@given(st.text(alphabet="abcXYZ019-_#!", min_size=8, max_size=80).filter(lambda text: text.strip().lower() not in WAYS))
def test_no_eight_characters_of_a_text_are_kept(text: str) -> None:
    kept = stand_in(f"pw {text}") + "".join(stand_in_for_command(["mysql", f"--password={text}", text]))
    known = (*EXAMPLES.values(), RANDOM, RANDOM_HEX)
    parts = {text[n : n + 8] for n in range(len(text) - 7)}
    assert [part for part in parts if part in kept and not any(part in each for each in known)] == []


@pytest.mark.parametrize("rule", EXAMPLES)
def test_the_example_of_a_rule_matches_it_and_looks_random_to_nobody(rule: str) -> None:
    assert secret_rule(EXAMPLES[rule]) == rule
    assert not looks_random(EXAMPLES[rule])


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("hunter2", PLAIN),
        ("DEBUG", "DEBUG"),
        ("0.25", "0.5"),
        ("40960", "1000"),
        ("--api-key=hunter2", "x -u a:b"),
        ("$(USER):$(PASSWORD)", "$( $(USER) $(PASSWORD)"),
        ("$(PASSWORD)", "$(PASSWORD)"),
        ("$SECRET123", "$A"),
        ("vault:secret/data/x#y", "vault:"),
        ("/etc/secret/hunter2", "/"),
        ("AKIAIOSFODNN7EXAMPLE", f"x {EXAMPLES['AWS access key']}"),
    ],
)
def test_what_is_kept_is_the_least_that_tells(text: str, kept: str) -> None:
    assert stand_in(text) == kept


def test_of_a_command_its_options_with_the_names_of_secrets_are_kept() -> None:
    command = ["serve", "--port=8443", "--db-password", "hunter2", "--token-file=/run/token", "ghp_" + "b" * 36]
    assert stand_in_for_command(command) == [
        EXAMPLES["GitHub token"],
        "--db-password=x",
        "--token-file=/",
    ]
