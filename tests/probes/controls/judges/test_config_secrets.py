"""Secrets and placeholders in a config: found by rule and place, and never told by value."""

import time

import pytest

from probes.controls.evidence import AgentConfigFile, Seen
from probes.controls.finding import Finding, State
from probes.controls.judges.agent_config.placeholders import placeholders
from probes.controls.judges.secret_texts.rules import may_be_secret, may_have_secret, secret_rule
from probes.controls.judging import Says
from tests.probes.controls.judges.configs import changed, file_of, finding, said
from tests.probes.controls.judges.kubernetes_object import objects
from tests.probes.controls.made import NOW

SECRETS = "security.secrets.none-in-config"
_A = "aZ3kP9qLw2Xy7Rt5Vb8Nc4Md6Jf1Hg0Ks"


def _beside_a_template(changes: dict[str, object]) -> Finding:
    """The verdict on this config, beside a template and ConfigMaps without secrets that were read in full."""
    config = Seen(file_of(changed(changes)), NOW, "config.yaml")
    return objects.finding(SECRETS, "{containers: [{name: agent}]}", config=config)


@pytest.mark.parametrize(
    ("rule", "secret"),
    [
        ("PEM private key", "-----BEGIN " + "RSA PRIVATE KEY-----\nMIIE\n"),
        ("PEM private key", "-----BEGIN " + "PRIVATE KEY-----"),
        ("password in a URL", "postgres://search:" + "hunter2@db.prod:5432/search"),
        ("password in a URL", "http://:" + "hunter2@proxy:3128"),
        ("AWS access key", "AKIA" + "IOSFODNN7EXAMPLE"),
        ("GitHub token", "ghp_" + "a" * 36),
        ("GitHub token", "github_pat_" + "A" * 22),
        ("GitLab token", "glpat-" + "x" * 20),
        ("Slack token", "xoxb-" + "1234567890-abc"),
        ("Slack webhook", "https://hooks.slack.com/services/" + "T00000000/B00000000/XXXX"),
        ("Stripe key", "sk_live_" + "a1B2" * 6),
        ("OpenAI or Anthropic key", "sk-proj-" + _A),
        ("OpenAI or Anthropic key", "sk-ant-api03-" + _A),
        ("Google API key", "AIza" + "S" * 35),
        ("Hugging Face token", "hf_" + "a" * 34),
        ("npm token", "npm_" + "a" * 36),
        ("PyPI token", "pypi-AgEIcHlwaS5vcmc" + "a" * 50),
        ("SendGrid key", "SG." + "a" * 22 + "." + "b" * 43),
        ("Vault token", "hvs." + "a" * 24),
        ("DigitalOcean token", "dop_v1_" + "a" * 64),
        ("Azure storage key", "AccountKey=" + "a" * 86 + "=="),
        ("age secret key", "AGE-SECRET-KEY-1" + "Q" * 58),
        ("JSON Web Token", "eyJ" + "a" * 20 + ".eyJ" + "b" * 20 + "." + "c" * 20),
    ],
)
def test_each_rule_finds_its_form_wherever_it_stands_and_the_value_is_not_told(rule: str, secret: str) -> None:
    assert secret_rule(secret) == rule
    found = finding(SECRETS, {"agent.description": f"see {secret} there"})
    assert (found.state, found.reason) == (State.FAIL, "Violated")
    assert found.message == f"agent.description matches the rule {rule}."
    listed = finding(SECRETS, {"agent.capabilities": [{"name": secret}]})
    assert listed.message == f"agent.capabilities[0].name matches the rule {rule}."


@pytest.mark.parametrize(
    "text",
    [
        "",
        "strict",
        "spiffe://agents.acme-corp.net/agent/search",
        "unix:///run/spire/sockets/agent.sock",
        "https://opa.prod:8181/v1/data",
        "https://user@host:8443/path",
        "postgres://search:${PASSWORD}@db:5432",
        "postgres://search:$(PASSWORD)@db:5432",
        "file:///var/log/agentweave/audit.log",
        "sk-search",
        "hvs.solutions",
        "-----BEGIN CERTIFICATE-----",
        "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "a-service-with-a-rather-long-name-in-production-eu-west-1",
        "Finds documents and answers, with sources, in 12 languages.",
    ],
)
def test_what_configs_usually_say_is_no_secret(text: str) -> None:
    assert secret_rule(text) == ""
    assert may_be_secret("endpoint", text) == ""


@pytest.mark.parametrize(
    "part", ["a" * 30 + "://", "a://b:", "eyJaaaaaaaaa.x", "-----BEGIN A A A ", "sk-a1 ", "sk--", "x"]
)
def test_a_megabyte_of_what_almost_is_a_secret_is_searched_soon(part: str) -> None:
    text = part * (2**20 // len(part))
    begin = time.process_time()
    assert secret_rule(text) == ""
    assert time.process_time() - begin < 1


@pytest.mark.parametrize(
    "part",
    [
        "-----BEGIN CERTIFICATE-----\n",
        "a: b\n",
        "a " * 50,
        ", ",
        "a:\t",
        "export ",
        "{{",
        "aB1-" * 30 + " ",
        "\n",
        "a=",
        "=b ",
        "-u a",
        "basic ",
        "bearer ",
        "authorization: ",
        "&a",
    ],
)
def test_a_megabyte_that_is_searched_for_names_of_secrets_is_done_soon(part: str) -> None:
    text = part * (2**20 // len(part))
    begin = time.process_time()
    assert may_have_secret("app.yaml", text) == ""
    assert time.process_time() - begin < 2


def test_a_config_without_secrets_passes_only_beside_a_template_that_was_read() -> None:
    found = _beside_a_template({})
    assert (found.state, found.assurance) == (State.PASS, "reported")
    assert said(SECRETS, {}) == [(Says.GOOD, "10 texts were read, and none matches a rule for secrets.")]
    alone = finding(SECRETS, {})
    assert (alone.state, alone.reason) == (State.UNKNOWN, "SourceMissing")


@pytest.mark.parametrize(
    ("key", "text", "why"),
    [
        ("password", "correct horse", "the name of its key says so"),
        ("openaiApiKey", "abc", "the name of its key says so"),
        ("client-secret", "abc", "the name of its key says so"),
        ("apiKeyV2", "abc", "the name of its key says so"),
        ("opa_endpoint", "http://localhost:8181/?user=a&password=hunter2", "it has what reads like a password"),
        ("salt", _A, "it looks random"),
        ("salt", "0123456789abcdef" * 3, "it looks random"),
    ],
)
def test_what_only_may_be_a_secret_is_left_to_people(key: str, text: str, why: str) -> None:
    found = _beside_a_template({f"agent.{key}": text})
    assert (found.state, found.reason) == (State.UNKNOWN, "NoPolicy")
    told = f"agent.{key} may be a secret: {why}. People must look."
    assert found.message == told
    assert said(SECRETS, {f"agent.{key}": text}) == [(Says.UNCLEAR, told)]


@pytest.mark.parametrize("text", ["", "${PASSWORD}", "/run/secrets/db", "file:///run/secrets/db", "vault:db#password"])
def test_a_reference_to_a_secret_is_none(text: str) -> None:
    assert may_be_secret("password", text) == ""
    assert may_be_secret("password_file", "secrets") == ""


def test_a_secret_as_a_key_is_found_and_not_told() -> None:
    secret = "ghp_" + "a" * 36
    found = finding(SECRETS, {f"agent.{secret}": "x"})
    assert found.message == "agent.<not shown> matches the rule GitHub token."
    assert secret not in finding("predeploy.config.valid", {f"agent.{secret}": "x"}).message


def test_secrets_everywhere_are_counted_and_none_is_told() -> None:
    document = changed({f"agent.k{number}": "ghp_" + f"{number:036}" for number in range(500)})
    file: AgentConfigFile = file_of(document)
    found = finding(SECRETS, file)
    assert found.message.endswith(" more)")
    assert "ghp_" not in found.message


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("${TRUST_DOMAIN}", "a placeholder of a template that was not rendered"),
        ("{{ .Values.name }}", "a placeholder of a template that was not rendered"),
        ("<your agent>", "a placeholder of a template that was not rendered"),
        ("CHANGEME", "a placeholder that was not filled in"),
        ("replace-me", "a placeholder that was not filled in"),
        ("TO" + "DO", "a placeholder that was not filled in"),
        ("your-company", "a placeholder that was not filled in"),
        ("prod.yourdomain.com", "a placeholder, yourdomain.com is the domain of an example"),
        ("https://opa.example.com:8181/x", "a placeholder, example.com is the domain of an example"),
        ("search", ""),
        ("https://opa.acme-corp.net", ""),
        ("notexample.com", ""),
        ("http://[broken", ""),
        ("a<b and c>d", ""),
    ],
)
def test_placeholders_are_told_by_what_they_look_like(text: str, why: str) -> None:
    found = list(placeholders(iter([(("agent", "name"), text)])))
    assert found == ([(("agent", "name"), why)] if why else [])


def test_prose_may_speak_of_examples() -> None:
    assert list(placeholders(iter([(("agent", "description"), "TO" + "DO list of example.com")]))) == []
