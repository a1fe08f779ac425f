"""`python -m watcher.alerting.rules DIR` writes the rule files there."""

import sys
from pathlib import Path

from watcher.alerting.rules.maker import rule_files

if __name__ == "__main__":
    for name, text in rule_files().items():
        (Path(sys.argv[1]) / name).write_text(text, encoding="utf-8")
