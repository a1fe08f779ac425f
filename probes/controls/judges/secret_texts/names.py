"""Which names are those of secrets, of variables and of keys alike? Such as PGPASSWORD, dbPassword, client-secret."""

import re

_ANYWHERE = (
    "PASSWORDS?|PASSWD|PASSPHRASE|SECRET|TOKEN|PWD|API_?KEYS?"
    "|(?:ACCESS|PRIVATE|SIGNING|ENCRYPTION|MASTER|ACCOUNT)_?KEY|(?:DB|PG|SMTP|MAIL|USER|ROOT|ADMIN|REDIS|MYSQL)PASS"
)
_WORDS = "PASS|AUTH|CREDENTIALS?|CREDS?|PAT"
_WHICH = "KEY|VALUE|V?[0-9]+|OLD|NEW|CURRENT|PREVIOUS|PRIMARY|SECONDARY|PROD|PRODUCTION|STAGING|DEV|LIVE"
_SECRET = re.compile(rf"(?:{_ANYWHERE}|(?:^|_)(?:{_WORDS}))(?:_?(?:{_WHICH}))?$")
"""At the end of a name: TOKEN_FILE, MAX_TOKENS, AUTH_ENABLED and SECRET_NAME are no secrets."""

_DIRECTORIES = ("PWD", "OLDPWD")
"""Variables of the shell: where it works."""

_WORD_BEGINS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|[-.\s]")
SWITCHES = frozenset({"true", "false", "yes", "no", "on", "off", "0", "1"})
WAYS = frozenset(
    {"anonymous", "any", "apikey", "api-key", "auth0", "basic", "bearer", "cert", "certificate", "cram-md5", "default",
     "digest", "disabled", "enabled", "external", "github", "google", "iam", "internal", "jwt", "kerberos", "keycloak",
     "ldap", "login", "mtls", "negotiate", "none", "ntlm", "null", "oauth", "oauth2", "oidc", "optional", "password",
     "plain", "required", "saml", "sasl", "scram-sha-256", "spiffe", "ssh", "tls", "token", "x509"}
)  # fmt: skip
"""What AUTH is where it says how one proves who one is."""

_OF_PLACES = ("CREDENTIALS", "CREDENTIAL", "PWD")
"""Names that variables have whose values say where a file or a directory is, too."""

_LONGEST = 256
"""Characters of a name that are read, from its end."""


def names_secret(name: str, value: str = "") -> bool:
    """Whether what has this name is a secret by it; `value`, where it is known, may say that it is but a switch."""
    if name in _DIRECTORIES:
        return False
    plain = _WORD_BEGINS.sub("_", name[-_LONGEST:]).upper()
    if not _SECRET.search(plain):
        return False
    word = value.strip().lower()
    way = plain.endswith("AUTH") and (word in WAYS or "://" in word)
    place = plain.endswith(_OF_PLACES) and word.startswith(("/", "file:"))
    return not (word in SWITCHES or way or place)
