"""Files that the config names of agents outside of the cluster: read again and again, and no value of them kept."""

import asyncio
from pathlib import Path

import pytest

from probes.controls.catalogue.control import SourceName, UnknownReason
from probes.controls.evidence import AgentConfigFile, AgentObjects, AgentRef, Missing, Seen
from tests.checklist.live.kubernetes.cluster import until
from tests.checklist.test_manifests import CONFIG_MAP, PATH, workload
from watcher.checklist.live.kubernetes.agent_manifests import AgentManifests
from watcher.checklist.live.kubernetes.configs.config_maps import ConfigMapReader
from watcher.checklist.live.kubernetes.opening import ObjectEvidence
from watcher.config.targets.static_target import AgentFiles, StaticTarget, agent_files
from watcher.kube.access import Access

SEARCH = AgentRef("prod", "search")
SECRET = "AKIAIOSFODNN7EXAMPLE"
NOW = 1_800_000_000.0


def reader(manifests: Path | None = None, agent_config: Path | None = None, every: float = 300.0) -> AgentManifests:
    return AgentManifests({SEARCH: AgentFiles(manifests, agent_config)}, every, "1.0.0", lambda: NOW)


def test_manifests_give_objects_and_config_without_their_secrets(tmp_path: Path) -> None:
    file = tmp_path / "search.yaml"
    literal = f"{PATH}, {{name: DB_PASSWORD, value: {SECRET}}}"
    file.write_text(f"{CONFIG_MAP}    key: {SECRET}\n---\n{workload(env=literal)}")
    files = reader(file)
    assert files.of(SEARCH) == dict.fromkeys(
        (SourceName.KUBERNETES_OBJECT, SourceName.AGENT_CONFIG),
        Missing(UnknownReason.UNREACHABLE, "Its file has not been read yet."),
    )
    asyncio.run(files.read())
    found = files.of(SEARCH)
    objects, config = found[SourceName.KUBERNETES_OBJECT], found[SourceName.AGENT_CONFIG]
    assert isinstance(objects, Seen)
    assert isinstance(objects.value, AgentObjects)
    assert isinstance(config, Seen)
    assert isinstance(config.value, AgentConfigFile)
    assert config.value.get("transport.retry.jitter") is True
    assert config.value.line("transport.retry.jitter") == 10
    assert config.value.in_place is None  # nobody knows whether the process started with it
    assert SECRET not in str(found)
    assert files.take_changed() == {SEARCH}
    asyncio.run(files.read())
    assert files.take_changed() == set()


def test_a_config_alone_is_read_and_objects_are_the_clusters(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("agent: {name: search}\n")
    files = reader(agent_config=file)
    asyncio.run(files.read())
    assert list(files.of(SEARCH)) == [SourceName.AGENT_CONFIG]
    evidence = ObjectEvidence(None, files)
    provided = evidence.evidence_of(SEARCH, ())
    assert isinstance(provided.sources[SourceName.AGENT_CONFIG], Seen)
    told = provided.sources[SourceName.KUBERNETES_OBJECT]
    assert isinstance(told, Missing)
    assert told.message == "Nothing is found in Kubernetes here, and no file is named for it."
    other = evidence.evidence_of(AgentRef("prod", "other"), ())
    assert isinstance(other.sources[SourceName.AGENT_CONFIG], Missing)


def test_a_file_that_goes_away_or_has_another_agent_tells_why(tmp_path: Path) -> None:
    file = tmp_path / "search.yaml"
    files = reader(file, tmp_path / "none.yaml")
    asyncio.run(files.read())
    gone, config = files.of(SEARCH)[SourceName.KUBERNETES_OBJECT], files.of(SEARCH)[SourceName.AGENT_CONFIG]
    assert isinstance(gone, Missing)
    assert isinstance(config, Missing)
    assert (gone.reason, config.reason) == (UnknownReason.UNREACHABLE, UnknownReason.UNREACHABLE)
    assert config.message == "none.yaml cannot be read: No such file or directory."
    file.write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n")
    asyncio.run(files.read())
    missing = files.of(SEARCH)[SourceName.KUBERNETES_OBJECT]
    assert isinstance(missing, Missing)
    assert missing.message == "search.yaml has no agent search of the namespace prod."
    assert files.take_changed() == {SEARCH}


def _told(file: Path, source: SourceName, *, as_config: bool = False) -> str:
    """What is told in place of evidence; empty where there is some."""
    files = reader(agent_config=file) if as_config else reader(file)
    asyncio.run(files.read())
    found = files.of(SEARCH).get(source)
    return found.message if isinstance(found, Missing) else ""


OF_ANOTHER = CONFIG_MAP.replace("      name: search", "      name: other")
NONE = "search.yaml has no agent search of the namespace prod."


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"{CONFIG_MAP}---\n{workload()}", ""),
        (workload(), ""),  # its ConfigMap is not there: only its labels say how it is called
        (f"{OF_ANOTHER}---\n{workload()}", NONE),
        (workload().replace("namespace: prod", "namespace: dev"), NONE),
        (f"{workload(labels='app: a')}---\n{workload('b', labels='app: b')}", NONE),
        (
            f"{CONFIG_MAP}---\n{workload()}---\n{workload('b')}",
            "search.yaml has 2 workloads search of the namespace prod.",
        ),
    ],
    ids=["named", "unnamed", "of another agent", "of another namespace", "of several agents", "of several workloads"],
)
def test_manifests_are_those_of_this_agent_and_of_no_other(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "search.yaml"
    file.write_text(text)
    assert _told(file, SourceName.KUBERNETES_OBJECT) == told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("agent: {name: search}\n", ""),
        ("agent: {name: '${NAME}'}\n", ""),
        ("transport: {}\n", ""),
        ("agent: {name: other}\n", "config.yaml is the config of another agent than search."),
    ],
)
def test_a_config_is_that_of_this_agent_and_of_no_other(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(text)
    assert _told(file, SourceName.AGENT_CONFIG, as_config=True) == told


def test_of_several_instances_of_an_agent_the_first_that_names_a_file_counts() -> None:
    listed = [
        StaticTarget(namespace="prod", agent="search", pod="a"),
        StaticTarget(namespace="prod", agent="search", pod="b", manifests=Path("b.yaml")),
        StaticTarget(namespace="prod", agent="search", pod="c", manifests=Path("c.yaml"), agent_config=Path("c")),
        StaticTarget(namespace="prod", agent="other"),
    ]
    assert agent_files(listed) == {("prod", "search"): AgentFiles(Path("b.yaml"), Path("c"))}


def test_files_that_cannot_be_read_for_whatever_reason_cost_no_other_agent_its_evidence(tmp_path: Path) -> None:
    good = tmp_path / "config.yaml"
    good.write_text("agent: {name: search}\n")
    odd = AgentFiles(None, 5)  # type: ignore[arg-type]  # nothing that anybody has thought of
    files = AgentManifests({("prod", "bad"): odd, SEARCH: AgentFiles(None, good)}, 60.0, "1.0.0", lambda: 1.0)
    asyncio.run(files.read())
    assert isinstance(files.of(SEARCH)[SourceName.AGENT_CONFIG], Seen)
    failed = Missing(UnknownReason.EVALUATOR_ERROR, "The watcher failed to read its files; its log says why.")
    assert files.of(AgentRef("prod", "bad")) == {SourceName.AGENT_CONFIG: failed}


def test_files_and_config_maps_are_read_before_what_was_read_is_too_old() -> None:
    assert [reader(every=each).every for each in (60.0, 3600.0)] == [60.0, 720.0]
    config_maps = [ConfigMapReader(Access(None), each, float, float, lambda _: None) for each in (60.0, 3600.0)]
    assert [each.every for each in config_maps] == [60.0, 720.0]


def test_a_reload_reads_other_files_at_once_and_forgets_what_the_old_ones_said(tmp_path: Path) -> None:
    first, second = (tmp_path / name for name in ("first.yaml", "second.yaml"))
    first.write_text("agent: {name: search, description: first}\n")
    second.write_text("agent: {name: search, description: second}\n")
    files = reader(agent_config=first)

    def description() -> object:
        found = files.of(SEARCH)[SourceName.AGENT_CONFIG]
        return found.value.get("agent.description") if isinstance(found, Seen) else found.reason  # type: ignore[attr-defined]

    async def run() -> None:
        reading = asyncio.create_task(files.read_for_ever())
        await until(lambda: description() == "first")
        files.take_changed()
        files.adopt({(SEARCH.namespace, SEARCH.agent): AgentFiles(None, second)}, 60.0)
        assert (description(), files.take_changed(), files.every) == (UnknownReason.UNREACHABLE, {SEARCH}, 60.0)
        await until(lambda: description() == "second")
        files.adopt({}, 60.0)
        assert (SEARCH in files, files.take_changed()) == (False, {SEARCH})
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)

    asyncio.run(run())
