"""When to look, and where the results go."""

import sys

# The command line of httpx, which it imports where it can: rich, pygments and click for nobody, 4 MB and 30 ms of a
# start. It stands here because whatever imports httpx is imported after its package.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]  # None is what says "not to be had" (importlib)
