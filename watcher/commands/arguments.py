"""What may one argument of the command line be? A mistake is a sentence of argparse."""

import argparse
import re
from datetime import date
from importlib import import_module
from pathlib import Path

_TRUST_DOMAIN = re.compile(r"[a-z0-9._-]{1,255}")
"""SPIFFE-ID, section 2.1."""

_VERSION = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9}){0,2}([.+-][a-zA-Z0-9.+-]+)?")


def add_output(command: argparse.ArgumentParser, *forms: str) -> None:
    """The option `--output`; the first form is the default."""
    command.add_argument("--output", choices=forms, default=forms[0], help=f"output format; default: {forms[0]}")


def add_credentials(command: argparse.ArgumentParser, *, beside: str = "") -> None:
    """How to be known to a running daemon; `beside`: a text before each help."""
    authorities = f"{beside}CA certificates (PEM) that verify the server; default: the system's"
    command.add_argument("--ca-file", metavar="FILE", type=Path, help=authorities)
    token = command.add_mutually_exclusive_group()
    token.add_argument(
        "--bearer-token-file", metavar="FILE", type=Path, help=f"{beside}file with a bearer token; default: none"
    )
    user = f"{beside}file with NAME:PASSWORD for basic authentication; default: none"
    token.add_argument("--user-file", metavar="FILE", type=Path, help=user)


def seconds(text: str) -> float:
    """A number over 0."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a number over 0, got {text!r}")
    return number


def port(text: str) -> int:
    """A TCP port; 0: any that is free."""
    if not text.isdecimal() or not 0 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"expected a port from 0 to 65535, got {text!r}")
    return int(text)


def url(text: str) -> str:
    """What links begin with."""
    return str(import_module("watcher.alerting.export").url_prefix(text))  # which is imported where it is asked for


def runbook_url(text: str) -> str:
    """What links to runbooks begin with, or are made of."""
    return str(import_module("watcher.alerting.export").runbook_url(text))


def duration(text: str) -> str:
    """A duration as the config has it, as it was given."""
    try:
        import_module("probes.contract.units").parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return text


def day(text: str) -> date:
    """A day, by UTC."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a day such as 2026-11-01, got {text[:40]!r}") from None


def sdk_version(text: str) -> str:
    """A version of the SDK, without a leading v."""
    version = text.removeprefix("v")
    if len(text) > 40 or not _VERSION.fullmatch(version):
        raise argparse.ArgumentTypeError(f"expected a version such as 1.0.0, got {text!r}")
    return version


def trust_domain(text: str) -> str:
    """The name of a SPIFFE trust domain."""
    if not _TRUST_DOMAIN.fullmatch(text):
        raise argparse.ArgumentTypeError(f"expected a trust domain such as corp.example, got {text!r}")
    return text


def labels_to_alerts(text: str) -> tuple[str, ...]:
    """Keys of labels of pods, with commas between; gives the names of the labels of alerts."""
    labels = import_module("watcher.text.alert_labels")
    try:
        return tuple(map(labels.alert_label, labels.checked(text.split(","))))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def job(text: str) -> str:
    """The name of a scrape job of Prometheus."""
    if not text.strip():
        raise argparse.ArgumentTypeError("expected the name of a job, got none")
    return text
