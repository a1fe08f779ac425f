"""Where the checkout lies that the tests were started from."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
