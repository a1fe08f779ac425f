"""`python -m tests.alerting.month`: a healthy month, and the same with each fault, through real judges and rules.

Prints the figures; with --write they go into docs/alerting.md. Thirty days take a quarter of an hour of CPU.
"""

import argparse
import re
from pathlib import Path

from tests.alerting.month.figures import figures, markdown
from tests.repository import ROOT

PAGE = ROOT / "docs" / "alerting.md"
_PLACE = re.compile(r"(?<=<!-- month -->\n).*?(?=<!-- /month -->)", re.DOTALL)


def write(text: str, page: Path) -> None:
    """Put the figures between the marks of a page; ValueError where it has none."""
    whole, places = _PLACE.subn(lambda _: f"{text}\n", page.read_text())
    if places != 1:
        raise ValueError(f"expected <!-- month --> and <!-- /month --> once in {page}, found them {places} times")
    page.write_text(whole)


def main() -> None:
    """Play, print, write."""
    parser = argparse.ArgumentParser(description="A simulated month of alerts.")
    parser.add_argument("--days", type=float, default=30.0)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--write", action="store_true", help="also into docs/alerting.md")
    given = parser.parse_args()
    text = markdown(figures(given.days, given.seed))
    print(text)
    if given.write:
        write(text, PAGE)


if __name__ == "__main__":
    main()
