"""The commands of the runbooks as shells, kubectl, jq and openssl take them: right, and safe to paste."""

import re
import subprocess
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.alerting.runbooks import PAGES, VALUES, Ran, blocks, commands, inline_commands, own_variables, run
from tests.servers.tools import debian_package, tool
from watcher.alerting.runbook_commands import PLACEHOLDERS, PlaceholderValues, filled

SHELLS = ("bash", "dash")
_MISREAD = re.compile(r"not found|[Ss]yntax|substitution|[Ii]llegal|unbound|arithmetic|ambiguous|unexpected|unary")
_EXAMPLES = {
    "an address": r"\b(?!127\.0\.0\.1\b)\d{1,3}(?:\.\d{1,3}){3}\b",
    "an example's domain": r"\bexample\.(?:org|com)\b",
    "a fixed number of replicas": r"--replicas=\d",
    "a fixed size": r"--(?:limits|requests)=\S*=\d",
    "a namespace of an example": r"(?:-n|--namespace)[ =](?!kube-system\b)[a-z]",
    "a node of an example": r"\bnode-\d",
    "a workload by a name that is guessed": r"(?:deployment|deploy|statefulset)/(?!spire-server\b)",
    "a job by its number, which may be another's": r"\bkill %",
    "a long option of `kill`, or a name": r"\bkill -",
    "a comment that zsh, where people type, does not take for one": r"(?:^|\s)#.*['\"`()$<>|&;]",
    "what `logs` cuts to ten lines, by a selector": r"logs -l (?!.*--tail=)",
}
_LIBRESSL = {
    # usr.bin/openssl of OpenBSD: what its s_client, x509, pkcs7 and crl2pkcs7 take.
    "s_client": {"-connect", "-CAfile", "-showcerts", "-tls1_2", "-tls1_3", "-servername", "-alpn"},
    "x509": {
        "-in",
        "-noout",
        "-text",
        "-serial",
        "-issuer",
        "-subject",
        "-dates",
        "-startdate",
        "-enddate",
        "-checkend",
    },
    "pkcs7": {"-print_certs", "-noout", "-text"},
    "crl2pkcs7": {"-nocrl", "-certfile"},
}
_NOT_IN_LIBRESSL = {"-partial_chain": "LibreSSL, the `openssl` of macOS, may not know it"}


@cache
def ran(page: str, shell: str) -> Ran:
    """What the commands of a page do in this shell; nothing of it reaches a cluster."""
    with TemporaryDirectory() as home:
        return run(page, shell, Path(home))


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("page", PAGES)
def test_each_command_parses_and_runs_in_bash_and_in_dash(page: str, shell: str) -> None:
    for command in commands(PAGES[page]):
        said = subprocess.run([shell, "-n"], input=command, capture_output=True, text=True, check=False)
        assert (said.returncode, said.stderr) == (0, ""), command
    if not blocks(PAGES[page], "sh"):
        return
    seen = ran(page, shell)
    assert [line for line in seen.errors.splitlines() if _MISREAD.search(line)] == []
    assert sorted(seen.calls) == sorted(ran(page, "bash").calls)  # those of a pipe begin in any order


def examples(page: str, text: str) -> list[str]:
    """Values of an example in commands that are meant to be pasted."""
    lines = [line for block in (*blocks(text, "sh"), *inline_commands(text)) for line in block.splitlines()]
    return [f"{page}: {what}: {line}" for line in lines for what, such in _EXAMPLES.items() if re.search(such, line)]


@pytest.mark.parametrize("page", PAGES)
def test_no_command_has_a_value_of_an_example(page: str) -> None:
    assert examples(page, PAGES[page]) == []


@pytest.mark.parametrize(
    "command",
    [
        "openssl s_client -connect 10.0.0.7:8443",
        "kubectl -n prod rollout restart $WORKLOAD",
        "kubectl -n $NAMESPACE scale $WORKLOAD --replicas=6",
        "kubectl -n $NAMESPACE set resources $WORKLOAD -c agent --limits=memory=1Gi",
        "kubectl cordon node-7",
        "kubectl -n $NAMESPACE rollout undo deployment/$AGENT",
        "kubectl -n $WATCHER_NAMESPACE exec deploy/agentweave-watcher -- id",
        "kill %1",
        "kill -9 $forward",
        "kubectl -n $WATCHER_NAMESPACE logs -l $WATCHER_SELECTOR | grep lease",
        "curl -d spiffe://example.org/agent/worker",
        "# the agent's own words",
    ],
)
def test_a_value_of_an_example_is_named(command: str) -> None:
    assert len(examples("X", f"1. So:\n   ```sh\n   {command}\n   ```\n")) == 1
    inline = command.startswith(("kubectl -n", "curl"))
    assert len(examples("X", f"Then `{command}`.\n")) == inline


def unset_variables(text: str) -> list[str]:
    """Variables of a page that no earlier command of it sets, and processes that it kills and did not start."""
    known: set[str] = set()
    found = []
    for block in blocks(text, "sh"):
        code = re.sub(r"'[^']*'", lambda quoted: "\n" * quoted[0].count("\n"), block)
        for line in code.splitlines():
            known |= set(re.findall(r"(?:^|[\s;(])([a-z_]+)=", line)) | set(re.findall(r"\bfor ([a-z_]+) in", line))
            known |= set(re.findall(r"\bread -r ([a-z_]+)", line))
            found += [name for name in re.findall(r"\$\{?([a-z_]+)", line) if name not in known]
            for killed in re.findall(r"\bkill (\S+)", line):
                found += [] if re.search(rf"& {re.escape(killed.lstrip('$'))}=\$!", text) else [f"kill {killed}"]
    return found


@pytest.mark.parametrize("page", PAGES)
def test_each_variable_is_set_before_it_is_read_and_only_own_processes_are_killed(page: str) -> None:
    assert unset_variables(PAGES[page]) == []


def test_a_variable_that_nothing_sets_and_a_foreign_process_are_named() -> None:
    assert unset_variables("```sh\necho $ns\nns=a; echo $ns\nkill $!\n```\n") == ["ns", "kill $!"]


def test_a_forwarded_port_is_that_of_the_pod_that_is_meant() -> None:
    for page, text in PAGES.items():
        for line in "\n".join(blocks(text, "sh")).splitlines():
            if " port-forward " in line:
                assert re.fullmatch(r" *kill \$([a-z]+) 2>/dev/null; kubectl .* >/dev/null & \1=\$!", line), (
                    f"{page}: {line}"
                )


@pytest.mark.xdist_group("kubectl")
def test_kubectl_knows_each_command_and_flag(tmp_path: Path) -> None:
    # A closed port: what it does not know it says before it connects.
    (tmp_path / "config").write_text(
        "{apiVersion: v1, kind: Config, current-context: a, contexts: [{name: a, context: {cluster: a}}],"
        " clusters: [{name: a, cluster: {server: 'http://127.0.0.1:9'}}]}"
    )
    kubectl = tool("kubectl")
    environment = {"KUBECONFIG": str(tmp_path / "config"), "HOME": str(tmp_path)}
    asked = {tuple(call[1:]): page for page in PAGES for call in ran(page, "bash").calls if call[0] == "kubectl"}
    assert len(asked) > 150
    wrong = {}
    for arguments, page in asked.items():
        said = subprocess.run(
            [kubectl, *arguments],
            input="{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}",
            capture_output=True,
            text=True,
            env=environment,
            timeout=30,
            check=False,
        )
        if "refused" not in said.stdout + said.stderr:
            wrong[page, arguments] = said.stderr or said.stdout
    assert wrong == {}


@pytest.mark.parametrize("page", PAGES)
def test_openssl_is_asked_for_nothing_that_libressl_lacks_without_a_word_of_it(page: str) -> None:
    for _, command, *arguments in (call for call in ran(page, "bash").calls if call[0] == "openssl"):
        for flag in (each for each in arguments if each.startswith("-")):
            if flag in _NOT_IN_LIBRESSL:
                assert _NOT_IN_LIBRESSL[flag] in PAGES[page]
            else:
                assert flag in _LIBRESSL[command], f"openssl {command} {flag}"
    for _, command, *arguments in (call for call in ran(page, "bash").calls if call[0] == "openssl"):
        said = subprocess.run(["openssl", command, "-help"], capture_output=True, text=True, check=False)
        assert all(
            re.search(rf"^\s*{flag}\b", said.stdout + said.stderr, re.MULTILINE) for flag in arguments if flag[0] == "-"
        )


def test_jq_reads_each_of_its_programs() -> None:
    jq = debian_package("jq", "jq")
    programs = {tuple(call[1:]): page for page in PAGES for call in ran(page, "bash").calls if call[0] == "jq"}
    assert len(programs) > 50
    for arguments, page in programs.items():
        said = subprocess.run([jq, *arguments], input="", capture_output=True, text=True, check=False)
        assert said.returncode != 3, f"{page}: {said.stderr}"  # 3: it does not compile


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("name", PLACEHOLDERS)
def test_what_is_not_filled_in_ends_a_command_before_it_does_anything(name: str, shell: str, tmp_path: Path) -> None:
    values = PlaceholderValues({key: value for key, value in VALUES.items() if key != name})
    using = [code for text in PAGES.values() for code in blocks(text, "sh") if re.search(rf"\${name}\b", code)]
    assert using
    for code in using:
        script = filled(code, "sh", values)
        assert not re.search(rf"\${name}\b", script)
        said = subprocess.run([shell, "-n"], input=script, capture_output=True, text=True, check=False)
        assert (said.returncode, said.stderr) == (0, "")
    touched = filled(f"touch done-${name}", "sh", values)
    said = subprocess.run([shell, "-c", touched], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert said.returncode != 0
    assert name in said.stderr
    assert list(tmp_path.iterdir()) == []


def test_what_the_reader_has_to_set_ends_a_command_too() -> None:
    variables = set[str]().union(*map(own_variables, PAGES.values()))
    assert {"MEMORY_LIMIT", "CPU_LIMIT", "CALLEE_ADDRESS", "POOL_CAPACITY"} <= variables
    assert not variables & set(PLACEHOLDERS)


def test_more_replicas_are_added_to_those_that_are_there(tmp_path: Path) -> None:
    seen = 0
    for page in PAGES:
        scales = [call for call in ran(page, "dash").calls if call[0] == "kubectl" and "scale" in call]
        for call in scales:
            assert call[-2] == "--current-replicas=3"  # as the recorder has said
            assert call[-1] in ("--replicas=4", "--replicas=5")
            seen += 1
    assert seen == 8
    [scale] = [line for line in commands(PAGES["AgentWeaveMemoryHigh"]) if " scale " in line]
    for shell in SHELLS:
        (tmp_path / "kubectl").write_text('#!/bin/sh\ncase "$*" in *scale*) touch scaled;; esac\n')  # it says nothing
        (tmp_path / "kubectl").chmod(0o755)
        subprocess.run([shell, "-c", scale], cwd=tmp_path, env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, check=False)
        assert not (tmp_path / "scaled").exists()
