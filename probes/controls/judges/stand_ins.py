"""Texts of which the same can be said as of others, and that are no secrets: what is kept of a value that was read.

Whoever may read a pod reads its variables; the watcher keeps none of them. Each is replaced when it is read, by a text
that the judges of secrets, log levels and samplers judge alike: it matches the same rule, looks random where that one
does, refers to something where that one does. What is kept tells that, and nothing else.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

from probes.controls.judges.kubernetes_object.secrets.texts import options_of
from probes.controls.judges.rates import is_rate
from probes.controls.judges.secret_texts import credentials
from probes.controls.judges.secret_texts.names import SWITCHES, WAYS
from probes.controls.judges.secret_texts.rules import (
    OF_KUBERNETES,
    looks_random,
    may_be_secret,
    may_matter,
    reference_of,
    secret_rule,
    settings_of,
)

EXAMPLES: Mapping[str, str] = {
    "PEM private key": "-----BEGIN PRIVATE KEY-----",
    "password in a URL": "ab://a:b@c",
    "AWS access key": f"AKIA{'A' * 16}",
    "GitHub token": f"ghp_{'a' * 36}",
    "GitLab token": f"glpat-{'a' * 20}",
    "Slack token": f"xoxb-{'a' * 10}",
    "Slack webhook": f"hooks.slack.com/services/{'A' * 20}",
    "Stripe key": f"sk_live_{'a' * 16}",
    "OpenAI or Anthropic key": f"sk-A1{'a' * 18}",
    "Google API key": f"AIza{'a' * 35}",
    "Hugging Face token": f"hf_{'a' * 30}",
    "npm token": f"npm_{'a' * 36}",
    "PyPI token": f"pypi-AgEIcHlwaS5vcmc{'a' * 40}",
    "SendGrid key": f"SG.{'a' * 22}.{'a' * 43}",
    "Vault token": f"hvs.{'a' * 24}",
    "DigitalOcean token": f"dop_v1_{'a' * 64}",
    "Azure storage key": f"AccountKey={'a' * 60}==",
    "age secret key": f"AGE-SECRET-KEY-1{'Q' * 58}",
    "JSON Web Token": f"eyJ{'a' * 8}.eyJ{'a' * 8}.{'a' * 8}",
}
"""One text for each rule, which is a secret of nobody."""

_NUMBER = "1000"
RANDOM_HEX, RANDOM = "0123456789abcdef" * 2, "Aa0Bb1Cc2Dd3Ee4Ff5Gg6Hh7"
PLAIN = "x"

_WORDS = (
    *SWITCHES,
    *WAYS,
    *("debug", "trace", "notset", "info", "warn", "warning", "error", "critical"),
    *("always_on", "always_off", "traceidratio"),
    *("parentbased_always_on", "parentbased_always_off", "parentbased_traceidratio"),
)
_KNOWN = frozenset(_WORDS)
"""Words that everybody knows: a secret that is one of them is none."""

_HEX = re.compile(r"[0-9a-f]+")
_VARIABLE = re.compile(r"\$\(([A-Za-z_][A-Za-z0-9_.-]{0,252})\)")
_SHELL_VARIABLE = re.compile(r"\$[A-Z_][A-Z0-9_]*")
_LONGEST = 64
_MOST = 50
"""Variables of one text, and settings of one file, that are kept."""


def stand_in(text: str) -> str:
    """The text itself where it is a word that everybody knows, else another one."""
    word = text.strip().lower()
    if not word or word in _KNOWN:
        return text[:_LONGEST]
    if _HEX.fullmatch(text) and looks_random(text):
        return RANDOM_HEX
    if is_rate(text):
        return "0.5"
    if word.isdecimal():
        return _NUMBER
    if _SHELL_VARIABLE.fullmatch(text) and not secret_rule(text):
        return "$A"
    variables = list(islice(_variables(text), _MOST))
    if variables and not _VARIABLE.sub("", text):
        return "".join(variables)
    return " ".join([_beginning(text), *variables, *_marks(text)])


def stand_in_for_file(name: str, text: str) -> str:
    """The same of a file with this name: with those of its settings whose names say that they matter."""
    named = ((key, value) for key, value in settings_of(name, text) if may_matter(key) and not secret_rule(key))
    settings = [f"{key}: {stand_in(value)}" for key, value in islice(named, _MOST)]
    return "\n".join([stand_in(text), *settings])


def stand_in_for_command(words: Sequence[str]) -> list[str]:
    """Of a command: the options whose names say that they matter, and what has the form of a secret or looks random."""
    kept = [EXAMPLES[rule] for each in words if (rule := secret_rule(each))]
    for name, value in options_of(list(words)):
        if name and may_matter(name) and not secret_rule(name):
            kept.append(f"--{name}={stand_in(value)}")
        elif may_be_secret(name, value):
            kept.append(RANDOM)
    found = [credentials.EXAMPLE] if credentials.has_credentials(" ".join(words)) else []
    return [*found, *kept[:_MOST]]


def _variables(text: str) -> Iterator[str]:
    """Each `$(NAME)` of it, whose value a kubelet sets there."""
    return (found[0] for found in _VARIABLE.finditer(text) if not secret_rule(found[0]))


def _beginning(text: str) -> str:
    """Whether it says where something is, which its beginning tells."""
    word = text.strip()
    if reference := reference_of(text):
        return PLAIN if _SHELL_VARIABLE.fullmatch(reference) else reference
    return next((f" {word[: len(each)]}" for each in ("/", "file:") if word.lower().startswith(each)), PLAIN)


def _marks(text: str) -> Iterator[str]:
    if "://" in text:
        yield "://"
    if OF_KUBERNETES in text:
        yield OF_KUBERNETES
    if rule := secret_rule(text):
        yield EXAMPLES[rule]
    if credentials.has_credentials(text):
        yield credentials.EXAMPLE
    if looks_random(text):
        yield RANDOM
