"""Why an answer is none that can be believed."""

from probes.controls.catalogue.control import UnknownReason


class AskingError(Exception):
    """There is no answer that can be believed."""

    def __init__(self, reason: UnknownReason, message: str) -> None:
        """`message`: a sentence for a person."""
        super().__init__(message)
        self.reason, self.message = reason, message
