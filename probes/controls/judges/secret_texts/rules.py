"""Which texts are secrets by their form? Rules for known formats, as gitleaks and detect-secrets have them.

A rule is found by a literal part first: a search for each pattern in a text of a megabyte would take too long.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence

from probes.controls.judges.secret_texts.credentials import has_credentials
from probes.controls.judges.secret_texts.names import names_secret

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
        (
            "OpenAI or Anthropic key",
            "sk-",
            r"(?<![A-Za-z0-9])sk-(?=[a-z0-9_-]{0,60}[A-Z])(?=[A-Za-z_-]{0,60}[0-9])[A-Za-z0-9_-]{20,}",
        ),
        ("Google API key", "AIza", r"AIza[A-Za-z0-9_-]{35}"),
        ("Hugging Face token", "hf_", r"(?<![A-Za-z0-9])hf_[A-Za-z0-9]{30,}"),
        ("npm token", "npm_", r"(?<![A-Za-z0-9])npm_[A-Za-z0-9]{36}"),
        ("PyPI token", "pypi-", r"pypi-AgEIcHlwaS5vcmc[A-Za-z0-9_-]{40,}"),
        ("SendGrid key", "SG.", r"SG\.[A-Za-z0-9_-]{20,24}\.[A-Za-z0-9_-]{39,50}"),
        ("Vault token", "hv", r"(?<![A-Za-z0-9])hv[sbr]\.[A-Za-z0-9_-]{24,}"),
        ("DigitalOcean token", "_v1_", r"do[opr]_v1_[a-f0-9]{64}"),
        ("Azure storage key", "AccountKey=", r"AccountKey=[A-Za-z0-9+/]{60,}={0,2}"),
        ("age secret key", "AGE-SECRET-KEY-1", r"AGE-SECRET-KEY-1[A-Z0-9]{58}"),
        ("JSON Web Token", "eyJ", r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}"),
    )
]
_TOKEN = re.compile(r"(?<![A-Za-z0-9+=_:-])[A-Za-z0-9+=_-]{24,256}(?![A-Za-z0-9+=_-])")
_HEX = re.compile(r"[0-9a-f]+")
_RANDOM_HEX, _RANDOM_TEXT = 3.0, 4.3
"""Bits a character from which on a token is taken for a random one; the limits of detect-secrets, a little lower."""

_DIGEST_KEY = re.compile(r"(?:sha[0-9]*|commit|revision|digest|checksum|hash|fingerprint|thumbprint)$", re.IGNORECASE)
"""What is random there says which version something is, and opens nothing."""

_PUBLIC = re.compile(r"-----BEGIN ((?:TRUSTED |X509 )?CERTIFICATE|[A-Z ]{0,20}PUBLIC KEY)-----[^-]*-----END \1-----")
_NO_SETTINGS = (".rego", ".lua", ".py", ".js", ".ts", ".go", ".md", ".txt", ".html", ".pem", ".crt")
BY_NAME = "the name of its key says so"
_HAS_CREDENTIALS = "it has what reads like a password"
_LOOKS_RANDOM = "it looks random"

INJECTORS = (
    "vault.hashicorp.com/agent-inject",
    "vault.security.banzaicloud.io/",
    "operator.1password.io/",
    "secrets.k8s.aws/",
    "conjur.org/",
    "secrets.doppler.com/",
    "secrets.infisical.com/",
)
"""How the annotations of those begin that put secrets into a pod when it is made."""

FETCHED = ("vault:", "secretref:", "op://", "sm://", "berglas://", "arn:aws:secretsmanager:", "azurekeyvault")
"""How values begin that a program which starts the agent replaces by a secret."""

_REFERENCE = re.compile(r"\$[({]|\$[A-Z_][A-Z0-9_]*$|\{\{|<|/|file:|env:|vault:|secret:|arn:")
_SETTING = re.compile(
    r"""(?:^|[{,])[ \t]*(?:-[ \t]+|export[ \t]+)?["']?([A-Za-z][A-Za-z0-9_.-]{0,79})["']?"""
    r"""[ \t]*[:=][ \t]*["']?([^\s"',:={}\[\]|>#&*][^\n"',}]{0,255})""",
    re.MULTILINE,
)
"""`password: x` of YAML, JSON, TOML or a file of variables."""

OF_KUBERNETES = "/serviceaccount/"
"""In the path of the token that Kubernetes gives each pod."""

_ELSEWHERE = re.compile(r"[-_.]?(?:file|path)$", re.IGNORECASE)
_SHORTEST = 8
"""Characters of the shortest text that a rule matches: `ab://:c@`."""

_SEARCHED = 2**20
"""Characters of one text."""


def secret_rule(text: str) -> str:
    """The name of the first rule that the text matches, `AWS access key`; empty where it matches none."""
    return next(secret_rules(text), "")


def secret_rules(text: str) -> Iterator[str]:
    """The name of each rule that the text matches; one name may stand for several."""
    if len(text) >= _SHORTEST:
        text = text[:_SEARCHED]
        yield from (name for name, part, pattern in _RULES if part in text and pattern.search(text))


def may_be_secret(key: str, text: str) -> str:
    """Why a text that matches no rule may be a secret all the same, a part of a sentence; empty where nothing says so.

    Names of keys and randomness prove nothing: people must look.
    """
    if text.strip() and names_secret(key, text) and not _REFERENCE.match(text):
        return BY_NAME
    if _HEX.fullmatch(text) and _DIGEST_KEY.search(key) and not names_secret(_DIGEST_KEY.sub("", key).rstrip("_.-")):
        return ""
    if has_credentials(text):
        return _HAS_CREDENTIALS
    return _LOOKS_RANDOM if looks_random(text) else ""


def is_uncertain(name: str, text: str) -> bool:
    """Whether a text under the name of a secret may say where one is, or how many tokens there may be."""
    # A kubelet has put in what `$(NAME)` stands for: what is left of it is a literal.
    elsewhere = "://" in text or (_REFERENCE.match(text) is not None and not text.startswith("$("))
    counted = text.strip().isdecimal() and name.lower().endswith("token")
    return (elsewhere or counted) and not secret_rule(text)


def looks_random(text: str) -> bool:
    """Whether some word of it does; public keys and certificates do not count."""
    searched = _PUBLIC.sub("", text[:_SEARCHED])
    return any(_random(found[0]) for found in _TOKEN.finditer(searched))


def reference_of(text: str) -> str:
    """How a text begins that says where something is: `${`, `vault:`, `/`; empty where it does not."""
    begin = next((each for each in FETCHED if text.startswith(each)), "")
    found = _REFERENCE.match(text)
    return begin or (found[0] if found else "")


def may_have_secret(name: str, text: str) -> str:
    """The same of a file with this name: also by the names of the settings in it, but of programs and prose."""
    why = may_be_secret(name, text)
    if why == _HAS_CREDENTIALS and name.endswith(_NO_SETTINGS):
        return _LOOKS_RANDOM if looks_random(text) else ""
    if why and why != _HAS_CREDENTIALS:
        return why
    named = any(names_secret(key, value) and not _REFERENCE.match(value) for key, value in settings_of(name, text))
    return "the name of a key in it says so" if named else why


def settings_of(name: str, text: str) -> Iterator[tuple[str, str]]:
    """The keys and values that stand in a file with this name; nothing of programs and prose."""
    if not name.endswith(_NO_SETTINGS):
        yield from ((found[1], found[2].strip()) for found in _SETTING.finditer(text[:_SEARCHED]))


def refers_to_secret(name: str, value: str) -> bool:
    """Whether this is no secret and says where one is: `password: ${DB_PASSWORD}`, TOKEN_FILE. Kubernetes' own token
    is none."""
    what = _ELSEWHERE.sub("", name)
    away = what != name or _REFERENCE.match(value) is not None
    return bool(value.strip()) and away and names_secret(what, "none") and OF_KUBERNETES not in value


def may_matter(name: str) -> bool:
    """Whether a value of this name may be a secret, or say where one is."""
    return names_secret(_ELSEWHERE.sub("", name), "none")


def _random(token: str) -> bool:
    if _HEX.fullmatch(token):
        return len(token) >= 32 and _bits(token) > _RANDOM_HEX
    kinds = (str.islower, str.isupper, str.isdigit)
    return all(any(map(kind, token)) for kind in kinds) and _bits(token) > _RANDOM_TEXT


def _bits(token: str) -> float:
    """Shannon's entropy, bits a character."""
    shares = [count / len(token) for count in Counter(token).values()]
    return -sum(share * math.log2(share) for share in shares)
