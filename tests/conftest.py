"""What every test gets."""

import logging
from collections.abc import Iterator

import pytest
from hypothesis import settings

# two shared cores: how long one example takes says nothing about the code
settings.register_profile("shared-cores", deadline=None)
settings.load_profile("shared-cores")


@pytest.fixture(autouse=True)
def _loggers_as_they_were() -> Iterator[None]:
    logger = logging.getLogger("watcher")  # `check` quiets it for its process, which here is everybody's
    level = logger.level
    yield
    logger.setLevel(level)
