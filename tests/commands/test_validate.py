"""`validate`: the checklist's five lines, each finding with its line, and what a file that cannot be read gets."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from probes.controls.catalogue.control import SourceName
from probes.controls.judging import load_judges
from tests.commands.test_cli import call
from tests.probes.controls.made import CATALOGUE
from watcher.checklist.agent_config import MAX_BYTES
from watcher.checklist.config_report import FIVE
from watcher.cli import main
from watcher.commands.validate import validate

GOOD = """\
agent:
  name: search
  trust_domain: agents.acme-corp.net
  environment: production
identity:
  provider: spiffe
authorization:
  provider: opa
  default_action: deny
  audit: {enabled: true}
transport:
  tls_min_version: "1.3"
  peer_verification: strict
  circuit_breaker: {failure_threshold: 5, recovery_timeout_seconds: 30, success_threshold: 2}
  retry: {max_attempts: 3, backoff_base_seconds: 1.0, backoff_max_seconds: 30.0, jitter: true}
observability:
  tracing: {enabled: true, endpoint: "https://tempo:4317", sampling_rate: 0.1}
"""
BAD = """\
agent:
  name: search
  trust_domain: example.org
  environment: prod
  description: ${DESCRIPTION}
identity:
  provider: mtls-static
authorization:
  default_action: log-only
transport:
  peer_verfication: log-only
  tls_min_version: 1.2
  circuit_breaker: {recovery_timeout_seconds: 30, sucess_threshold: 2}
  retry: {backoff_base_seconds: 1.0, backoff_max_seconds: 30.0}
  password: hunter2
observability:
  logging: {level: DEBUG}
  tracing: {endpoint: "https://user:hunter2@tempo:4317"}
"""
CONTROLS = "[security.identity.trust-domain-validated]"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return Path("config.yaml")


def test_a_good_config_has_the_five_lines_of_the_checklist_and_notes(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(GOOD)
    assert validate([file], None) == 0
    assert (
        capsys.readouterr().out
        == """\
config.yaml:
✓ Configuration is valid
    SDK 1.0.0 takes this config. It drops 3 unknown keys.
? Security settings: production-ready
    default_action, provider, audit.enabled, peer_verification, tls_min_version: all five are right; \
SDK 1.0.0 does not read 4 of them.
? TLS version: 1.3
    transport.tls_min_version is 1.3. SDK 1.0.0 does not read transport.tls_min_version, so it has no effect.
? Peer verification: strict
    transport.peer_verification is strict. SDK 1.0.0 does not read transport.peer_verification, so it has no effect.
? Default action: deny
    authorization.default_action is deny. SDK 1.0.0 does not read authorization.default_action, so it has no effect.
config.yaml:3: unknown: No list of trust domains is given, so whether agent.trust_domain is right is not known. \
[security.identity.trust-domain-validated]
config.yaml:4: note: agent.environment: no effect: SDK 1.0.0 does not read it. Only `agentweave validate` looks at it.
config.yaml:9: note: authorization.default_action: no effect: SDK 1.0.0 does not read it. \
The agent always denies where OPA gives no decision.
config.yaml:10: note: authorization.audit: no effect: SDK 1.0.0 does not read it, nor anything in it.
config.yaml:11: note: transport: no effect: SDK 1.0.0 does not read it, nor anything in it. \
The agent that runs makes no transport of its own.
config.yaml:14: note: transport.circuit_breaker.success_threshold: unknown key, which SDK 1.0.0 drops.
config.yaml:15: note: transport.retry.jitter: unknown key, which SDK 1.0.0 drops. \
Retries are spread by a random delay, and no config key turns it off.
config.yaml:16: note: observability: no effect: SDK 1.0.0 does not read it, nor anything in it.
config.yaml:17: note: observability.tracing.sampling_rate: unknown key, which SDK 1.0.0 drops.
Of the five lines, 4 are unknown; no errors: exit code 0.

"""
    )


def test_a_bad_config_has_why_with_each_line_and_every_error(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(BAD)
    assert validate([file], None) == 1
    told = capsys.readouterr().out
    assert "hunter2" not in told
    lines = told.splitlines()
    assert lines[1:11] == [
        "✗ Configuration is valid",
        ("    agent.environment: expected development or staging or production, got prod; "
        "did you mean production? (line 4). "
        "transport.peer_verfication: unknown key next to a security key that is missing; "
        "did you mean peer_verification? (line 11). "
        "transport.tls_min_version: expected a text, got the number 1.2, which needs quotes (line 12). "
        "agent.description: a placeholder of a template that was not rendered (line 5)."),
        "✗ Security settings: production-ready",
        ("    authorization.default_action is log-only, not deny (line 9). "
        "transport.tls_min_version is the number 1.2, not 1.3 (line 12)."),
        "✗ TLS version: 1.3",
        "    transport.tls_min_version is the number 1.2, not 1.3 (line 12).",
        "? Peer verification: strict",
        ("    transport.peer_verification is not set; the default of SDK 1.0.0 is strict. "
        "SDK 1.0.0 does not read transport.peer_verification, so it has no effect."),
        "✗ Default action: deny",
        "    authorization.default_action is log-only, not deny (line 9).",
    ]  # fmt: skip
    assert [each.removeprefix("config.yaml:") for each in lines if ": error: " in each] == [
        f"3: error: agent.trust_domain is example.org, the domain of an example. {CONTROLS}",
        ("4: error: agent.environment: expected development or staging or production, got prod; "
        "did you mean production? [predeploy.config.valid]"),
        ("5: error: agent.description: a placeholder of a template that was not rendered. "
        "[predeploy.config.valid]"),
        "7: error: identity.provider is mtls-static. [security.identity.spire-configured]",
        "9: error: authorization.default_action is log-only. [security.authz.default-deny]",
        ("11: error: transport.peer_verfication: unknown key next to a security key that is missing; "
        "did you mean peer_verification? [predeploy.config.valid]"),
        "12: error: transport.tls_min_version is the number 1.2, below 1.3. [security.transport.tls13-enforced]",
        ("12: error: transport.tls_min_version: expected a text, got the number 1.2, which needs quotes. "
        "[predeploy.config.valid]"),
        "17: error: observability.logging.level is DEBUG. [observability.logging.level-appropriate]",
        ("18: error: observability.tracing.endpoint matches the rule password in a URL. "
        "[security.secrets.none-in-config]"),
    ]  # fmt: skip
    assert [each.removeprefix("config.yaml:") for each in lines if ": unknown: " in each] == [
        (
            "15: unknown: transport.password may be a secret: the name of its key says so. People must look. "
            "[security.secrets.none-in-config]"
        ),
    ]
    notes = [each.removeprefix("config.yaml:") for each in lines if ": note: " in each]
    assert "13: note: transport.circuit_breaker.sucess_threshold: unknown key, which SDK 1.0.0 drops." in notes


@pytest.mark.parametrize(
    ("gone", "instead", "told"),
    [
        (", success_threshold: 2", "", "Of the five lines, 4 are unknown; no errors: exit code 0."),
        ("recovery_timeout_seconds: 30, ", "",
         "Of the five lines, 4 are unknown; no errors: exit code 0."),
        ("recovery_timeout_seconds: 30", "recovery_timeout_seconds: 3",
         "Of the five lines, 4 are unknown; 1 error: exit code 1."),
        ("agents.acme-corp.net", "<trust-domain>",
         "Of the five lines, 1 fails and 4 are unknown; 2 errors: exit code 1."),
        ("default_action: deny", "default_action: allow",
         "Of the five lines, 3 fail and 2 are unknown; 2 errors: exit code 1."),
        ("agent:", "agent: [", "It cannot be read: exit code 2."),
    ],
)  # fmt: skip
def test_the_last_line_says_why_the_command_ends_as_it_does(
    file: Path, gone: str, instead: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(GOOD.replace(gone, instead))
    assert validate([file], None) == int(told.rstrip(".")[-1])
    assert capsys.readouterr().out.splitlines()[-2:] == [told, ""]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("  peer_verfication: log-only", "transport.peer_verfication: {next}"),
        ("  peerVerification: log-only", "transport.peerVerification: {next}"),
        ("  peer-verification: log-only", "transport.peer-verification: {next}"),
        ("  verify_peer_verification: log-only", "transport.verify_peer_verification: {next}"),
        ("  peer_verification_mode: log-only", "transport.peer_verification_mode: {next}"),
        ("peer_verification: log-only", "peer_verification: {elsewhere}"),
    ],
)
def test_a_misspelt_or_misplaced_key_of_security_is_an_error_and_no_green_light(
    file: Path, given: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    without = GOOD.replace("  peer_verification: strict\n", "")
    file.write_text(without.replace("transport:\n", f"transport:\n{given}\n") if given[0] == " " else without + given)
    assert validate([file], None) == 1
    words = {
        "next": "unknown key next to a security key that is missing; did you mean peer_verification?",
        "elsewhere": "unknown key at this place, and the security key transport.peer_verification is missing; "
        "did you mean that?",
    }
    errors = [each for each in capsys.readouterr().out.splitlines() if ": error: " in each]
    assert any(told.format(**words) in each for each in errors)


def test_a_domain_of_an_example_is_told_once_by_its_control_and_so_is_one_below_it(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for domain, what in (("example.org", "example.org"), ("prod.example.org", "below example.org")):
        file.write_text(GOOD.replace("agents.acme-corp.net", domain))
        assert validate([file], None) == 1
        told = [each for each in capsys.readouterr().out.splitlines() if each.startswith("config.yaml:3: ")]
        assert told == [f"config.yaml:3: error: agent.trust_domain is {what}, the domain of an example. {CONTROLS}"]


def test_what_may_be_a_secret_is_not_known_as_for_readiness_and_people_must_look(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(f"{GOOD}database: {{password: hunter2, pin: 4711}}\n")
    assert (validate([file], None), validate([file], None, strict=True)) == (0, 1)
    told = "unknown: database.password may be a secret: the name of its key says so. People must look."
    assert f"config.yaml:18: {told} [security.secrets.none-in-config]\n" in capsys.readouterr().out
    file.write_text(f"{GOOD}database: {{password: 12345678}}\n")
    assert validate([file], None) == 0
    assert "unknown: database.password may be a secret" in capsys.readouterr().out
    file.write_text(f"{GOOD}database: {{password: '${{PASSWORD}}', salt: aZ3kP9qLw2Xy7Rt5Vb8Nc4Md6Jf1Hg0Ks}}\n")
    assert validate([file], None) == 1  # `${` was not rendered
    file.write_text(f"{GOOD}database: {{password: /run/secrets/db, salt: aZ3kP9qLw2Xy7Rt5Vb8Nc4Md6Jf1Hg0Ks}}\n")
    capsys.readouterr()
    assert validate([file], None) == 0
    assert "config.yaml:18: unknown: database.salt may be a secret: it looks random." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"agent: [\n", "config.yaml:2: not YAML: did not find expected node content"),
        (b"- a\n", "config.yaml:1: expected a mapping with sections such as agent, got a list"),
        (b"a: " + b"x" * MAX_BYTES, "config.yaml:1: over 1024 KiB, which no ConfigMap holds; it was not read"),
        (b"agent: {}\nagent: {}\n", "config.yaml:2: agent: the same key as on line 1, expected it once"),
    ],
)
def test_what_is_no_config_ends_with_2_and_no_green_line(
    file: Path, raw: bytes, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_bytes(raw)
    assert validate([file], None) == 2
    told = capsys.readouterr()
    assert told.err == f"{why}\n"
    assert "✓" not in told.out
    assert (told.out.count("\n✗ "), told.out.count("\n? ")) == (1, 4)


def test_one_file_that_cannot_be_read_does_not_keep_the_others_from_it(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(GOOD)
    assert main(["validate", "no.yaml", "config.yaml", "--log-format", "text"]) == 2
    told = capsys.readouterr()
    assert told.err == "no.yaml: cannot be read: No such file or directory\n"
    assert (told.out.count("✓"), told.out.count("?")) == (1, 4)
    assert validate([file, Path()], None) == 2


def test_standard_input_is_read_for_a_dash() -> None:
    told = call("validate", "-", stdin=GOOD)
    assert told.returncode == 0
    assert told.stdout.startswith("standard input:\n✓ Configuration is valid\n")
    assert "standard input:3: unknown: No list of trust domains" in told.stdout


def test_a_pipe_is_read_and_one_that_nobody_writes_to_is_not_waited_for(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    os.mkfifo(file)
    assert validate([file], None, patience=0.01) == 2
    assert capsys.readouterr().err == (
        "config.yaml: cannot be read: a pipe into which nobody wrote anything for 0.01 s\n"
    )
    end = os.open(file, os.O_RDWR)
    os.write(end, GOOD.encode())
    reader = os.open(file, os.O_RDONLY | os.O_NONBLOCK)  # keeps what was written while no other end is open
    os.close(end)
    assert validate([file], None, patience=5) == 0
    os.close(reader)


@pytest.mark.parametrize(
    "value", ["{{ .Values.tls }}", "{{- if .Values.x }}", '{{ include "a" . }}']
)  # fmt: skip
def test_a_template_that_nobody_rendered_is_told_as_that(
    file: Path, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(GOOD.replace('"1.3"', value))
    assert validate([file], None) == 2
    assert capsys.readouterr().err == (
        "config.yaml:12: a template that is not rendered ({{); give the config as the agent gets it\n"
    )


def test_trust_domains_can_be_given_and_decide_as_those_of_the_watcher_do(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(GOOD)
    ours = ["--trust-domain", "other.example", "--trust-domain", "agents.acme-corp.net"]
    assert main(["validate", "config.yaml", *ours]) == 0
    assert "trust_domain" not in capsys.readouterr().out
    assert main(["validate", "config.yaml", "--trust-domain", "other.example"]) == 1
    told = "config.yaml:3: error: agent.trust_domain is not in checklist.trust_domains."
    assert f"{told} {CONTROLS}\n" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="2"):
        main(["validate", "config.yaml", "--trust-domain", "spiffe://a"])
    assert "expected a trust domain such as corp.example, got 'spiffe://a'" in capsys.readouterr().err


def test_what_is_not_known_makes_exit_1_where_that_is_asked(file: Path) -> None:
    file.write_text(GOOD)
    assert main(["validate", "config.yaml", "--fail-on", "unknown"]) == 1
    assert main(["validate", "config.yaml", "--fail-on", "fail"]) == 0


def test_of_a_version_that_is_not_known_no_line_holds(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(GOOD)
    assert validate([file], "3.1.0") == 1
    told = capsys.readouterr()
    assert told.err == "SDK 3.1.0 is not known: what rests on what it does with its config is unknown\n"
    assert (told.out.count("✓"), told.out.count("\n? ") + told.out.startswith("? ")) == (0, 5)
    assert "SDK 1.0.0 takes this config. SDK 3.1.0 is not known." in told.out
    with pytest.raises(SystemExit, match="2"):
        main(["validate", "config.yaml", "--sdk-version", "new"])
    assert "expected a version such as 1.0.0, got 'new'" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        main(["validate", "config.yaml", "--sdk-version", "1.0.0.\x1b[31m"])
    assert "expected a version such as 1.0.0, got '1.0.0.\\x1b[31m'" in capsys.readouterr().err


def test_secrets_everywhere_are_told_by_place_and_nowhere_by_value(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = "ghp_" + "a" * 36
    text = "".join(f"{key}: {{{secret}: {secret}, x: [{secret}]}}\n" for key in ("agent", "transport", secret))
    file.write_text(text)
    assert validate([file], None) == 1
    told = capsys.readouterr()
    assert "ghp_" not in told.out + told.err
    assert (
        "config.yaml:1: error: agent.x[0] matches the rule GitHub token. [security.secrets.none-in-config]" in told.out
    )


@pytest.mark.parametrize(
    "key", ["SECRETpw4ghp_abcdefghijklmnopqrstuvwxyz012345", "password=SECRETpw14", "AKIAIOSFODNN7SECRET1"]
)
def test_a_key_that_may_be_a_secret_is_not_told_though_no_rule_knows_it(
    file: Path, key: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for text in (f"{GOOD}{key}: 1\n", f"{GOOD}x:\n  {key}: 1\n  {key}: 1\n", f"{GOOD}x: {{{key}: !tag 1}}\n"):
        file.write_text(text)
        validate([file], None)
        told = capsys.readouterr()
        assert key not in told.out + told.err
        assert "<not shown>" in told.out + told.err


def test_the_five_are_the_lines_of_the_checklist_and_each_has_a_judge() -> None:
    assert [CATALOGUE.by_id[each].seed.item for each in FIVE] == [
        f"✓ {CATALOGUE.by_id[each].title}" for each in FIVE
    ]  # fmt: skip
    assert set(FIVE) <= set(load_judges().controls)


def test_a_terminal_without_the_sign_of_a_good_line_is_no_reason_to_stop(file: Path) -> None:
    file.write_text(GOOD)
    told = call("validate", str(file.absolute()), environ={"PYTHONIOENCODING": "ascii"})
    assert told.returncode == 0
    assert "\\u2713 Configuration is valid" in told.stdout


def test_validate_asks_every_judge_of_a_config_and_imports_no_others() -> None:
    script = (
        "import sys\nfrom probes.controls.catalogue.control import SourceName\n"
        "from watcher.checklist.config_report import _controls\n"
        "print(*sorted(each.id for each in _controls()))\n"
        "print('probes.controls.judges.tls_posture' in sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    sections = ("security", "reliability", "observability", "predeploy")
    asked = sorted(
        control
        for control, judges in load_judges().controls.items()
        if any(SourceName.AGENT_CONFIG in each.sources for each in judges) and control.split(".")[0] in sections
    )
    assert told.stdout == f"{' '.join(asked)}\nFalse\n"


def test_validate_waits_for_nothing_that_only_the_daemon_needs() -> None:
    heavy = "{'httpx', 'uvicorn', 'cryptography', 'rich', 'asyncio', 'grpc', 'aiohttp', 'jinja2', 'multiprocessing'}"
    script = f"import sys\nimport watcher.commands.validate\nprint(sorted({heavy} & set(sys.modules)))"
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert told.stdout == "[]\n"
