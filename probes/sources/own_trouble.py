"""Which failures to connect are the watcher's own, and say nothing of the other side?"""

import errno

OWN_TROUBLE = frozenset(
    {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL, errno.EPERM, errno.EACCES}
)
"""No descriptor, no memory, no port, or not allowed to."""


def is_refusal(error: BaseException | None) -> bool:
    """Whether the host said that nobody listens there."""
    # Where a name has several addresses, the numbers stand in the text only.
    return isinstance(error, ConnectionRefusedError) or f"Errno {errno.ECONNREFUSED}" in str(error)
