"""`python -m watcher.alerting.dashboards DIR` writes the dashboards there."""

import sys
from pathlib import Path

from watcher.alerting.dashboards.maker import dashboard_files

if __name__ == "__main__":
    for name, text in dashboard_files().items():
        (Path(sys.argv[1]) / name).write_text(text, encoding="utf-8")
