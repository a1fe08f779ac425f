"""`python -m watcher.commands.reference DIRECTORY` writes the generated pages of docs/ anew."""

import sys
from pathlib import Path

from watcher.commands.reference.pages import PAGES

for name, page in PAGES.items():
    (Path(sys.argv[1]) / name).write_text(page(), encoding="utf-8")
