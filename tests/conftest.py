"""What every test gets, or may ask for."""

import gc
import logging
import os
import re
from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.servers import tools

# two shared cores: how long one example takes says nothing about the code
# CI says of a commit what it said the hour before; what only chance finds is found by whoever runs the tests
settings.register_profile("shared-cores", deadline=None, derandomize="CI" in os.environ)
settings.register_profile("quick", settings.get_profile("shared-cores"), max_examples=12)
settings.load_profile("shared-cores")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--venv-only", action="store_true", help="skip what needs more than the virtual environment")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--venv-only"):
        tools.go_without()
        settings.load_profile("quick")  # what is drawn at random is drawn often enough by `make test`


def pytest_collection_finish() -> None:
    gc.freeze()  # thousands of tests stay as they are: no collection need walk over them again


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skips = [str(report.longrepr) for report in terminalreporter.stats.get("skipped", ())]
    wanted = Counter(found[1] for found in (re.search(f"{tools.LEFT_OUT}([\\w -]+)", said) for said in skips) if found)
    if wanted:
        said = ", ".join(f"{name} {count}" for name, count in wanted.most_common())
        terminalreporter.write_line(f"{wanted.total()} tests left to `make test`, for want of: {said}")


@pytest.fixture(autouse=True)
def _loggers_as_they_were() -> Iterator[None]:
    logger = logging.getLogger("watcher")  # `check` quiets it for its process, which here is everybody's
    level = logger.level
    yield
    logger.setLevel(level)


@pytest.fixture
def no_garbage() -> Iterator[None]:
    """For a test that counts CPU time: a walk over the heap of all tests before it takes 0.2 s, and is not its own."""
    gc.disable()
    yield
    gc.enable()
