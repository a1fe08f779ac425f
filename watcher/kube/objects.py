"""What is an object of the API? To say so, nothing that talks to a server is imported."""

from collections.abc import Mapping
from typing import Any

Raw = Mapping[str, Any]
"""An object of the API as JSON has it."""

MALFORMED_OBJECT = (KeyError, TypeError, AttributeError, ValueError)
"""What reading an object raises that is not as the API documents it."""

REPORTER = "agentweave-watcher"
"""As whom the watcher reports Events; a qualified name, or the API server refuses it."""
