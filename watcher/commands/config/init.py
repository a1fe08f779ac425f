"""`config init`: a config file with comments, to begin with."""

import sys
from argparse import Namespace
from pathlib import Path

_TEMPLATE = Path(__file__).with_name("template.yaml")
_STANDARD_OUTPUT = Path("-")


def command(given: Namespace) -> int:
    """`config init [FILE]`: exit code 0, or 2 where the file is there already or cannot be written."""
    return init(given.file, force=given.force)


def init(file: Path, *, force: bool) -> int:
    """Write the template; over a file that is there only by `force`."""
    text = _TEMPLATE.read_text(encoding="utf-8")
    if file == _STANDARD_OUTPUT:
        print(end=text)
        return 0
    try:
        with file.open("w" if force else "x", encoding="utf-8") as out:
            out.write(text)
    except FileExistsError:
        print(f"{file}: already exists; --force overwrites it", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"{file}: cannot be written: {error.strerror or error}", file=sys.stderr)
        return 2
    print(f"{file}: written; next: agentweave-watcher config check {file}")
    return 0
