"""A bill of materials in CycloneDX or SPDX, as JSON: how many components it names."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from watcher.checklist.results.counted import Counted, UnreadableError, document

_MOST_DEPTH = 50
_WHAT = "a bill of materials in CycloneDX or SPDX, as JSON"


class _Kind(BaseModel):
    cyclonedx: Annotated[Literal["CycloneDX"] | None, Field(alias="bomFormat")] = None
    spdx: Annotated[str | None, Field(alias="spdxVersion", pattern=r"^SPDX-2\.\d$")] = None


class _Component(BaseModel):
    name: str
    components: list["_Component"] = []


class _CycloneDx(BaseModel):
    components: list[_Component] = []


class _Package(BaseModel):
    name: str
    id: Annotated[str, Field(alias="SPDXID")]


class _Relationship(BaseModel):
    source: Annotated[str, Field(alias="spdxElementId")]
    kind: Annotated[str, Field(alias="relationshipType")]
    target: Annotated[str, Field(alias="relatedSpdxElement")]


class _Spdx(BaseModel):
    packages: list[_Package] = []
    describes: Annotated[list[str], Field(alias="documentDescribes")] = []
    relationships: list[_Relationship] = []


def read_sbom(data: bytes) -> Counted:
    """`components`: but for what the bill is of; UnreadableError."""
    kind = document(data, _Kind, _WHAT)
    if kind.cyclonedx:
        return Counted({"components": _all(document(data, _CycloneDx, "CycloneDX").components)})
    if kind.spdx:
        bill = document(data, _Spdx, "SPDX 2")
        described = {each.target for each in bill.relationships if each.kind == "DESCRIBES"} | {*bill.describes}
        return Counted({"components": sum(each.id not in described for each in bill.packages)})
    raise UnreadableError(f"expected {_WHAT}")


def _all(components: list[_Component], depth: int = 0) -> int:
    if depth > _MOST_DEPTH:
        raise UnreadableError("its components are nested too deep")
    return sum(1 + _all(each.components, depth + 1) for each in components)
