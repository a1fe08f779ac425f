"""The ways to look at an agent: the only places that touch the network. A public module is one source."""

import sys

# httpx brings its own command line with it (rich, pygments: 0.1 s and 6 MB) wherever those are installed. It does
# without when that module is not to be had, and None says so.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]  # None means: not importable (importlib)
