"""Which keys are told: those that are made of words, and nothing that may be a secret at a wrong place."""

import pytest

from probes.contract.key_names import NOT_SHOWN, told_key
from probes.controls.judges.stand_ins import EXAMPLES, RANDOM, RANDOM_HEX
from probes.controls.sdk.loading import load_sdk_facts


@pytest.mark.parametrize(
    "key",
    [
        *sorted({part.removesuffix("[]") for key in load_sdk_facts().newest.config for part in key.path.split(".")}),
        *("peer_verfication", "peerVerification2", "peer-verification", "TLSMinVersion", "x", "<<", "_internal"),
        *("app.kubernetes.io/name", "terminationGracePeriodSeconds", "AGENTWEAVE_CONFIG_PATH", "sha256", "task_name"),
        "vault.hashicorp.com/agent-inject-secret-db",
    ],
)
def test_a_key_of_words_is_told(key: str) -> None:
    assert told_key(key) == key


@pytest.mark.parametrize(
    "key",
    [
        *EXAMPLES.values(),
        *(RANDOM, RANDOM_HEX, "ghp_short", "SECRETpw4ghp_abcdefghijklmnopqrstuvwxyz012345", "AKIAIOSFODNN7SECRET1"),
        *("password=hunter2", "a text of several words", "MyS3cretP4ssw0rd", "aZkPqLwXyRtVbNcMdJfHgKs", "12345678"),
        *("hunter2:horse", "", "x" * 21, "A" * 13, "a_" * 40, "\x1b[31m", "https://u:p@h/"),
    ],
)
def test_what_may_be_a_secret_is_not(key: str) -> None:
    assert told_key(key) == NOT_SHOWN
