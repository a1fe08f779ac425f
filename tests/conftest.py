"""What every test gets, or may ask for."""

import gc
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


@pytest.fixture
def no_garbage() -> Iterator[None]:
    """For a test that counts CPU time: a walk over the heap of all tests before it takes 0.2 s, and is not its own."""
    gc.disable()
    yield
    gc.enable()
