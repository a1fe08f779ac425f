"""Why the API server could not be asked, or did not say yes."""


class AccessError(Exception):
    """Neither a usable kubeconfig nor a pod's service account; the message says which was tried."""


class RefusedError(Exception):
    """The API server said no, or nothing that makes sense."""

    def __init__(self, code: int, why: str, after: float = 0.0) -> None:
        """`code` of HTTP, 0 where none came; `after`: seconds that it asks us to wait."""
        super().__init__(f"{code}: {why[:200]}" if code else why[:200])
        self.code, self.why, self.after = code, why[:2000], after


class GoneError(Exception):
    """410: what we asked to go on from is no longer known there."""
