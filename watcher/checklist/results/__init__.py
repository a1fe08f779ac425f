"""What the tools of a pipeline wrote, read into counts: a pure module a format, from bytes to numbers."""
