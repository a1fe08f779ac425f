"""Which formats there are: the option of `record import`, what the file is, and its reader."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from watcher.checklist.results.counted import Counted


class Format(NamedTuple):
    """One kind of file."""

    words: str
    reader: str  # module and function: only that which is asked for is imported

    def read(self, data: bytes) -> "Counted":
        """The counts of a file; UnreadableError."""
        module, name = self.reader.split(":")
        read: Callable[[bytes], Counted] = getattr(import_module(f"watcher.checklist.results.{module}"), name)
        return read(data)


FORMATS: Mapping[str, Format] = {
    "junit": Format("JUnit XML", "junit:read_junit"),
    "coverage": Format("Cobertura XML, such as of `coverage xml`", "cobertura:read_cobertura"),
    "sarif": Format("SARIF 2.1.0", "sarif:read_sarif"),
    "locust": Format("what `locust --json` prints", "locust:read_locust"),
    "k6": Format("the summary of k6 as JSON", "k6:read_k6"),
    "opa-test": Format("what `opa test --format=json` prints, with or without --coverage", "opa_test:read_opa_test"),
    "sbom": Format("CycloneDX or SPDX, as JSON", "sbom:read_sbom"),
    "trivy": Format("the JSON report of Trivy", "trivy:read_trivy"),
}
