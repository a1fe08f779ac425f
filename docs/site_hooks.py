"""What mkdocs adds to docs/: README as the first page, and the runbooks of alerts/ as pages."""

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parent.parent
_PAGES = re.compile(r"\]\((?:\.\./)?(?:docs/)([\w.-]+\.md)(#[\w-]+)?\)")
_RUNBOOKS = re.compile(r"\]\((?:\.\./)?alerts/runbooks/([\w-]+\.md)\)")


def on_files(files: Files, config: Any) -> Files:
    """Add the files that lie elsewhere."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    files.append(File.generated(config, "index.md", content=_linked(readme.replace('"docs/pictures/', '"pictures/'))))
    for path in sorted((ROOT / "alerts" / "runbooks").glob("*.md")):
        text = path.read_text(encoding="utf-8")
        files.append(File.generated(config, f"runbooks/{path.name}", content=text))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Links that lead to the repository lead to the site."""
    return _RUNBOOKS.sub(r"](runbooks/\1)", markdown).replace("](../README.md", "](index.md")


def _linked(text: str) -> str:
    return _RUNBOOKS.sub(r"](runbooks/\1)", _PAGES.sub(r"](\1\2)", text))
