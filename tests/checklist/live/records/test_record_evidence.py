"""Records from files, as the checklist sees them: what changes, what cannot be read, keys, metrics."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from probes.controls.catalogue.terms import Bind
from probes.controls.finding import State
from tests.checklist.live.judged import START, Live, Told, pod_target
from tests.checklist.live.records.made import DIAGRAM, SEARCH, UNIT, attestation, envelope, result, text_of
from tests.probes.controls.made import CATALOGUE, DAY, SHA
from watcher.checklist.live.provider import NOTHING
from watcher.checklist.live.records.evidence import RecordEvidence
from watcher.checklist.live.records.files import KEPT
from watcher.config.checklist import ChecklistSettings
from watcher.metrics.own import OwnMetrics
from watcher.runtime.clock import Clock


class Filed:
    """Records in a folder, and who judges by them; time goes on only when a test says so."""

    def __init__(self, folder: Path, **records: object) -> None:
        self.folder = folder / "records"
        self.folder.mkdir()
        files: dict[str, Any] = {"files": [f"{self.folder}/*.yaml"]}
        self.settings = ChecklistSettings.model_validate({"records": files | records})
        self.state_dir = folder
        self.uptime = 0.0
        self.own_metrics = OwnMetrics([], [])
        self.records = self.opened()

    def opened(self) -> RecordEvidence:
        """Another process."""
        clock = Clock(lambda: START + self.uptime, lambda: self.uptime)
        return RecordEvidence(self.settings, CATALOGUE.by_id, None, clock, self.own_metrics, self.state_dir)

    def write(self, name: str, *documents: Mapping[str, Any]) -> None:
        (self.folder / name).write_text(text_of(*documents))

    def look(self, seconds: float = 2.0) -> None:
        self.uptime += seconds
        asyncio.run(self.records.tick())

    def controls(self) -> list[str]:
        """Of which there are records of prod/search, and how they stand."""
        return [f"{each.control}{f' {each.gone}' if each.gone else ''}" for each in self.records.of(SEARCH)]


def test_a_file_is_read_again_when_it_changes_and_its_records_are_gone_with_it(tmp_path: Path) -> None:
    filed = Filed(tmp_path)
    filed.write("a.yaml", attestation())
    filed.write("b.txt", result())
    assert not filed.records.tried
    filed.look()
    assert filed.records.tried
    assert (filed.controls(), filed.records.take_changed()) == ([DIAGRAM], {SEARCH})
    filed.look()
    assert filed.records.take_changed() == set()
    filed.write("c.yaml", result())
    filed.look()
    assert filed.controls() == [DIAGRAM, UNIT]
    [(_, origin), *_] = filed.records.book.with_origins()
    assert origin == {"sha256": sha256((filed.folder / "a.yaml").read_bytes()).hexdigest()}
    (filed.folder / "a.yaml").unlink()
    filed.look()
    assert filed.controls() == [UNIT, f"{DIAGRAM} RecordRemoved"]
    assert filed.records.sources_up() == {"records": ""}
    value = filed.own_metrics.registry.get_sample_value
    assert value("agentweave_watcher_records", {"state": "valid"}) == 1
    assert value("agentweave_watcher_records", {"state": "removed"}) == 1


def test_a_file_that_is_no_text_too_large_or_no_file_is_told_and_costs_no_other(tmp_path: Path) -> None:
    filed = Filed(tmp_path)
    filed.write("good.yaml", attestation())
    (filed.folder / "binary.yaml").write_bytes(b"\xff\xfe")
    (filed.folder / "large.yaml").write_bytes(b"#" * (4 * 2**20 + 1))
    (filed.folder / "folder.yaml").mkdir()
    filed.look()
    assert filed.controls() == [DIAGRAM]
    told = {
        each.id.rpartition("/")[2]: each.problems[0].message for each in filed.records.book.judged() if each.problems
    }
    assert told == {"binary.yaml": "it is not UTF-8", "large.yaml": "it is over 4 MiB"}
    assert (
        filed.own_metrics.registry.get_sample_value("agentweave_watcher_records_invalid", {"reason": "Malformed"}) == 2
    )


def test_a_folder_that_vanishes_is_trouble_of_ours_and_its_records_count_for_a_quarter_of_an_hour(
    tmp_path: Path,
) -> None:
    filed = Filed(tmp_path)
    filed.write("a.yaml", attestation(), result(failures=1))
    filed.look()
    filed.folder.rename(tmp_path / "away")
    filed.look()
    assert filed.records.sources_up() == {"records": "SourceMissing"}
    assert filed.controls() == [DIAGRAM, UNIT]
    filed.look(KEPT)
    assert filed.controls() == [f"{DIAGRAM} SourceMissing", f"{UNIT} SourceMissing"]
    (tmp_path / "away").rename(filed.folder)
    filed.look()
    assert filed.controls() == [DIAGRAM, UNIT]
    assert filed.records.sources_up() == {"records": ""}


def test_the_next_process_knows_what_was_there_before_it_read_anything(tmp_path: Path) -> None:
    filed = Filed(tmp_path)
    filed.write("a.yaml", attestation(), result(failures=1))
    filed.look()
    asyncio.run(filed.records.close())
    filed.folder.rename(tmp_path / "away")
    filed.records = filed.opened()
    asyncio.run(filed.records.start())
    filed.look()
    assert filed.controls() == [f"{DIAGRAM} SourceMissing", f"{UNIT} SourceMissing"]


def test_a_key_that_comes_later_or_changes_is_read_then(tmp_path: Path) -> None:
    one, other = ed25519.Ed25519PrivateKey.generate(), ed25519.Ed25519PrivateKey.generate()
    key = tmp_path / "pipeline.pub"
    filed = Filed(tmp_path, verify="pipelines", keys={"pipeline": str(key)})
    filed.write("a.yaml", envelope(result(), one.sign))
    filed.look()
    assert (filed.controls(), filed.records.sources_up()) == ([], {"records": "Unparseable"})
    key.write_bytes(one.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    filed.look()
    assert (filed.controls(), filed.records.sources_up()) == ([UNIT], {"records": ""})
    key.write_bytes(other.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    filed.look()
    assert filed.controls() == [f"{UNIT} RecordRemoved"]
    assert [name for each in filed.records.book.judged() for name, _ in each.problems] == [
        "NotVerified",
        "WrongSignature",
    ]


def test_when_the_next_review_of_the_fleet_is_due_is_told(tmp_path: Path) -> None:
    filed = Filed(tmp_path)
    value = filed.own_metrics.registry.get_sample_value
    filed.look(0)
    assert value("agentweave_watcher_review_due_timestamp_seconds") == START + 90 * DAY
    review = attestation(control="criteria.reviewed", scope="fleet", namespace=None, agents=None)
    filed.write("a.yaml", review)
    filed.look()
    [record] = filed.records.book.of_fleet()
    assert value("agentweave_watcher_review_due_timestamp_seconds") == record.expires_at
    filed.write("a.yaml", {**review, "environment": "staging"})
    filed.look()
    assert value("agentweave_watcher_review_due_timestamp_seconds") == START + 90 * DAY


def test_without_files_and_config_maps_there_is_nothing_to_read_and_nothing_down(tmp_path: Path) -> None:
    filed = Filed(tmp_path)
    filed.settings = ChecklistSettings()
    filed.records = filed.opened()
    filed.look()
    assert filed.records.tried
    assert filed.records.sources_up() == {}
    assert filed.own_metrics.registry.get_sample_value("agentweave_watcher_review_due_timestamp_seconds") is None


# What is judged


@pytest.fixture
def filed(tmp_path: Path) -> Filed:
    return Filed(tmp_path)


def test_a_finding_turns_when_its_record_comes_and_lapses_with_time_and_with_the_image(filed: Filed) -> None:
    told = Told()
    told.tell(SEARCH, replace(NOTHING, digests={Bind.IMAGE_DIGEST: frozenset({SHA})}))
    live = Live(providers=[told, filed.records], records=filed.records.of)
    live.watch(pod_target())
    live.wait(5)
    assert live.finding(DIAGRAM).reason == "AttestationMissing"
    filed.write("a.yaml", attestation(expires_at="2027-01-15T09:00:00Z"), result())
    filed.look()
    live.wait(4)
    assert (live.finding(DIAGRAM).state, live.finding(UNIT).state) == (State.ATTESTED, State.ATTESTED)
    assert sorted((control, state) for control, state, _ in live.view.resting(SEARCH)) == [
        (DIAGRAM, State.ATTESTED),
        (UNIT, State.ATTESTED),
    ]
    told.tell(SEARCH, replace(NOTHING, digests={Bind.IMAGE_DIGEST: frozenset({"sha256:" + "c" * 64})}))
    live.wait(4)
    assert (live.finding(UNIT).state, live.finding(UNIT).reason) == (State.EXPIRED, "DigestChanged")
    live.wait(3690, step=30.0)
    assert (live.finding(DIAGRAM).state, live.finding(DIAGRAM).reason) == (State.EXPIRED, "AttestationExpired")
    assert [(each.control, str(each.after)) for each in live.turned if each.control in (DIAGRAM, UNIT)] == [
        (UNIT, "attested"),
        (DIAGRAM, "attested"),
        (UNIT, "expired"),
        (DIAGRAM, "expired"),
    ]
