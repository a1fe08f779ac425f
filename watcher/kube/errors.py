"""Why the API server could not be asked, or did not say yes."""

import ssl

import httpx


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

    def __init__(self) -> None:
        """There is one message for all."""
        super().__init__("410: no longer known there")


def in_words(error: Exception) -> str:
    """What came in place of an answer, in words; the name of its kind only where it says too little alone."""
    speaks = isinstance(error, AccessError | RefusedError | GoneError | httpx.HTTPError | OSError) and str(error)
    return (str(error) if speaks else f"{type(error).__name__}: {error}".removesuffix(": "))[:300]


def is_outage(error: BaseException) -> bool:
    """Whether it says nothing of us: the API server is away, or it has too much to do (429) or trouble (5xx)."""
    if isinstance(error, RefusedError):
        return error.code == 429 or error.code >= 500
    away = isinstance(error, httpx.TransportError | TimeoutError | OSError)
    return away and not _is_of_certificates(error)


def is_denial(error: BaseException) -> bool:
    """Whether it says that we may not ask: the credentials are not good (401), or lack a right (403)."""
    return isinstance(error, RefusedError) and error.code in (401, 403)


def _is_of_certificates(error: BaseException | None) -> bool:
    """Whether somebody is there whom our authorities do not vouch for."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False
