"""`readiness FILE`: the agents of a config, looked at now."""

import json
from pathlib import Path

import pytest

from tests.commands.test_readiness import BAD
from watcher.cli import main

NOBODY = {"namespace": "prod", "agent": "search", "address": "127.0.0.1:9"}  # discard: refuses
SOON = {"handshake": {"interval": "2s", "timeout": "500ms"}}


def _config(tmp_path: Path, *targets: object, **sections: object) -> Path:
    path = tmp_path / "watcher.yaml"
    path.write_text(json.dumps({"discovery": {"static": targets}, "sources": SOON, **sections}))
    return path


def test_the_agents_of_a_config_are_judged_now_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "state").mkdir()
    config = _config(tmp_path, NOBODY, state_dir=str(tmp_path / "state"))
    assert main(["readiness", str(config), "--output", "json"]) == 3
    [agent] = json.loads(capsys.readouterr().out)["agents"]
    assert (agent["namespace"], agent["agent"], agent["readiness"]) == ("prod", "search", "indeterminate")
    assert len(agent["findings"]) > 200
    assert list((tmp_path / "state").iterdir()) == []
    assert main(["readiness", str(config), "--fail-on", "fail"]) == 0


def test_the_file_may_stand_in_the_environment(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGENTWEAVE_WATCHER_CONFIG", str(_config(tmp_path, NOBODY)))
    assert main(["readiness"]) == 3
    assert capsys.readouterr().out.startswith("prod/search: indeterminate\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--agent", "other"], "none of the agents is selected: prod/search"),
        (["--profile", "strict"], "none of the agents is selected: prod/search"),
        (["--control", "deployment.resources.cpu"], "'deployment.resources.cpu' is no control; did you mean"),
    ],
)
def test_nothing_selected_ends_with_2(
    tmp_path: Path, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["readiness", str(_config(tmp_path, NOBODY)), *arguments]) == 2
    assert said in capsys.readouterr().err


def test_a_config_without_targets_or_that_is_none_ends_with_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["readiness", str(_config(tmp_path))]) == 2
    assert "none of the agents is selected, for there are none" in capsys.readouterr().err
    assert main(["readiness", str(tmp_path / "none.yaml")]) == 2
    assert "the config file cannot be read: No such file or directory" in capsys.readouterr().err


def test_manifests_are_judged_by_the_profiles_of_a_config_where_one_is_given(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    memory = "deployment.resources.memory-limits"
    removed = {"remove": [{"control": memory, "reason": "a trial", "by": "ann"}]}
    profiles = [{"name": "trial", "namespaces": ["prod"], "required": removed}]
    config = _config(tmp_path, checklist={"profiles": profiles})
    (tmp_path / "agent.yaml").write_text(BAD)
    manifests = ["--manifests", str(tmp_path / "agent.yaml"), "--output", "json"]
    main(["readiness", *manifests])
    [plain] = json.loads(capsys.readouterr().out)["agents"]
    main(["readiness", str(config), *manifests])
    [agent] = json.loads(capsys.readouterr().out)["agents"]
    assert (plain["profile"], agent["profile"]) == ("checklist", "trial")
    required = [{each["control"] for each in one["findings"] if each["required"]} for one in (plain, agent)]
    assert required[0] - required[1] == {memory}
    assert main(["readiness", str(config), "--manifests", str(tmp_path / "agent.yaml"), "--profile", "checklist"]) == 2
