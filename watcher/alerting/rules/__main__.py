"""`python -m watcher.alerting.rules DIR` writes the rule files into its folders."""

import sys
from pathlib import Path

from watcher.alerting.rules.maker import optional_files, rule_files

if __name__ == "__main__":
    for folder, files in (("rules", rule_files()), ("optional-rules", optional_files())):
        for name, text in files.items():
            (Path(sys.argv[1]) / folder / name).write_text(text, encoding="utf-8")
