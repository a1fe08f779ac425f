"""What is wrong with a catalogue."""


class CatalogueError(Exception):
    """The catalogue is refused; `mistakes` are sentences that begin with file and line."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes
