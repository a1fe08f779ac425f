"""The pages of docs/ that are made from code, by the names of their files."""

from collections.abc import Callable

from watcher.commands.reference.conditions_page import conditions_page
from watcher.commands.reference.configuration_page import configuration_page
from watcher.commands.reference.metrics_page import metrics_page

PAGES: dict[str, Callable[[], str]] = {
    "conditions.md": conditions_page,
    "configuration.md": configuration_page,
    "metrics.md": metrics_page,
}
