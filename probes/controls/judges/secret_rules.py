"""Which texts are secrets by their form? Rules for known formats, as gitleaks and detect-secrets have them.

A rule is found by a literal part first: a search for each pattern in a text of a megabyte would take too long.
"""

import math
import re
from collections import Counter
from collections.abc import Sequence

_RULES: Sequence[tuple[str, str, "re.Pattern[str]"]] = [
    (name, part, re.compile(pattern))
    for name, part, pattern in (
        ("PEM private key", "-----BEGIN", r"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----"),
        (
            "password in a URL",
            "://",
            r"(?<![A-Za-z0-9+.-])[A-Za-z][A-Za-z0-9+.-]{1,30}://[^\s/?#:@]{0,200}:(?![$<{*%])[^\s/?#@]{1,200}@",
        ),
        ("AWS access key", "A", r"(?<![A-Z0-9])(?:AKIA|ASIA)[A-Z2-7]{16}(?![A-Z0-9])"),
        ("GitHub token", "gh", r"(?<![A-Za-z0-9])gh[pousr]_[A-Za-z0-9]{36,255}"),
        ("GitHub token", "github_pat_", r"github_pat_[A-Za-z0-9_]{22,255}"),
        ("GitLab token", "glpat-", r"glpat-[A-Za-z0-9_-]{20,}"),
        ("Slack token", "xox", r"xox[abeoprs]-[A-Za-z0-9-]{10,}"),
        ("Slack webhook", "hooks.slack.com", r"hooks\.slack\.com/(?:services|workflows)/[A-Za-z0-9/+]{20,}"),
        ("Stripe key", "k_", r"(?<![A-Za-z0-9])[rs]k_(?:live|test)_[A-Za-z0-9]{16,}"),
        ("OpenAI or Anthropic key", "sk-", r"(?<![A-Za-z0-9])sk-(?:[a-z]{2,10}[0-9]{0,2}-)?[A-Za-z0-9_-]{20,}"),
        ("Google API key", "AIza", r"AIza[A-Za-z0-9_-]{35}"),
        ("Hugging Face token", "hf_", r"(?<![A-Za-z0-9])hf_[A-Za-z0-9]{30,}"),
        ("npm token", "npm_", r"(?<![A-Za-z0-9])npm_[A-Za-z0-9]{36}"),
        ("PyPI token", "pypi-", r"pypi-AgEIcHlwaS5vcmc[A-Za-z0-9_-]{40,}"),
        ("SendGrid key", "SG.", r"SG\.[A-Za-z0-9_-]{20,24}\.[A-Za-z0-9_-]{39,50}"),
        ("Vault token", "hv", r"(?<![A-Za-z0-9])hv[sbr]\.[A-Za-z0-9_-]{24,}"),
        ("DigitalOcean token", "_v1_", r"do[opr]_v1_[a-f0-9]{64}"),
        ("Azure storage key", "AccountKey=", r"AccountKey=[A-Za-z0-9+/]{60,}={0,2}"),
        ("age secret key", "AGE-SECRET-KEY-1", r"AGE-SECRET-KEY-1[A-Z0-9]{58}"),
        ("JSON Web Token", "eyJ", r"eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}"),
    )
]
_TOKEN = re.compile(r"(?<![A-Za-z0-9+=_:-])[A-Za-z0-9+=_-]{24,256}(?![A-Za-z0-9+=_-])")
_HEX = re.compile(r"[0-9a-f]+")
_RANDOM_HEX, _RANDOM_TEXT = 3.0, 4.3
"""Bits a character from which on a token is taken for a random one; the limits of detect-secrets, a little lower."""

_SECRET_KEY = re.compile(
    r"(?:^|[_.-])(?:password|passwd|passphrase|secret|token|api_?key|private_?key|access_?key|credentials?)$"
)
_REFERENCE = re.compile(r"\$|\{\{|<|/|file:|env:|vault:|secret:|arn:")
_SHORTEST = 8
"""Characters of the shortest text that a rule matches: `ab://:c@`."""

_SEARCHED = 2**20
"""Characters of one text."""


def secret_rule(text: str) -> str:
    """The name of the first rule that the text matches, `AWS access key`; empty where it matches none."""
    if len(text) < _SHORTEST:
        return ""
    text = text[:_SEARCHED]
    return next((name for name, part, pattern in _RULES if part in text and pattern.search(text)), "")


def may_be_secret(key: str, text: str) -> str:
    """Why a text that matches no rule may be a secret all the same, a part of a sentence; empty where nothing says so.

    Names of keys and randomness prove nothing: people must look.
    """
    plain = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", key).lower()
    if text.strip() and _SECRET_KEY.search(plain) and not _REFERENCE.match(text):
        return "the name of its key says so"
    if any(_random(found[0]) for found in _TOKEN.finditer(text[:_SEARCHED])):
        return "it looks random"
    return ""


def _random(token: str) -> bool:
    if _HEX.fullmatch(token):
        return len(token) >= 32 and _bits(token) > _RANDOM_HEX
    kinds = (str.islower, str.isupper, str.isdigit)
    return all(any(map(kind, token)) for kind in kinds) and _bits(token) > _RANDOM_TEXT


def _bits(token: str) -> float:
    """Shannon's entropy, bits a character."""
    shares = [count / len(token) for count in Counter(token).values()]
    return -sum(share * math.log2(share) for share in shares)
