"""Which names are those of secrets, for variables and keys alike."""

import pytest

from probes.controls.judges.secret_texts.names import names_secret


@pytest.mark.parametrize(
    "name",
    [
        "DB_PASSWORD",
        "PGPASSWORD",
        "DB_PASS",
        "PGPASS",
        "DB_PWD",
        "dbpwd",
        "MYSQL_ROOT_PASSWORD_1",
        "KEY_PASSPHRASE",
        "CLIENTSECRET",
        "TOKEN",
        "TOKEN_VALUE",
        "openai-api.key",
        "openaiApiKey",
        "OpenAIAPIKey",
        "API_KEYS",
        "PRIVATE_KEY",
        "APP_SECRET_KEY",
        "AWS_SECRET_ACCESS_KEY",
        "spring.datasource.password",
        "GOOGLE_CREDENTIALS",
        "REDIS_AUTH",
        "TS_AUTHKEY",
        "API_KEY_V2",
        "apiKeyV2",
        "GITHUB_PAT",
        "DB_PASSWORD_OLD",
    ],
)
def test_names_of_secrets(name: str) -> None:
    assert names_secret(name)
    assert names_secret(name, "hunter2")


@pytest.mark.parametrize(
    "name",
    [
        "PWD",
        "OLDPWD",
        "MAX_TOKENS",
        "TOKEN_FILE",
        "TOKEN_URL",
        "SECRET_NAME",
        "PASSWORDLESS",
        "KEY",
        "PARTITION_KEY",
        "AWS_ACCESS_KEY_ID",
        "AUTH_ENABLED",
        "AUTHOR",
        "OAUTH",
        "COMPASS",
        "PATH",
        "SPAT",
        "GIT_ASKPASS",
        "PASSWORD_FILE",
        "",
    ],
)
def test_names_that_are_none(name: str) -> None:
    assert not names_secret(name)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALLOW_EMPTY_PASSWORD", "yes"),
        ("CORS_ALLOW_CREDENTIALS", "True"),
        ("REQUIRE_AUTH", "1"),
        ("NEO4J_AUTH", "none"),
        ("PROXY_AUTH", "Basic"),
        ("SMTP_AUTH", "LOGIN"),
        ("AUTH", "https://login.acme-corp.net/realms/agents"),
        ("BUILD_PWD", "/src"),
        ("GOOGLE_APPLICATION_CREDENTIALS", "/var/secrets/google/key.json"),
    ],
)
def test_a_switch_a_way_and_a_place_are_no_secrets(name: str, value: str) -> None:
    assert not names_secret(name, value)
    assert names_secret(name, "hunter2")


def test_what_a_password_says_is_no_way_to_prove_who_one_is() -> None:
    assert names_secret("DB_PASSWORD", "basic")
    assert names_secret("DB_PASSWORD", "/abc")
