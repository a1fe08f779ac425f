"""How many TLS records are there in bytes as they arrive (RFC 8446, section 5.1)?"""

_HEAD = 5  # bytes: type, version, length


class Records:
    """Counts the records of one direction of a connection, wherever the bytes are cut."""

    def __init__(self) -> None:
        self.count = 0
        """Records that are whole."""
        self._head, self._body = b"", 0  # what has come of a head, what is to come of a body

    def measure(self, data: bytes | memoryview, most: int) -> int:
        """How many bytes of `data` it takes until `most` more records are whole; these are counted."""
        at, enough = 0, self.count + most
        if not (self._body or self._head):  # as nearly always: whole records, one after the other
            at = self._skip_whole(data, enough)
        while at < len(data) and self.count < enough:
            if self._body:
                step = min(self._body, len(data) - at)
                self._body -= step
            else:
                step = min(_HEAD - len(self._head), len(data) - at)
                self._head += data[at : at + step]
                if len(self._head) < _HEAD:
                    return at + step
                self._body, self._head = int.from_bytes(self._head[3:]), b""
            at += step
            self.count += not self._body
        return at

    def _skip_whole(self, data: bytes | memoryview, enough: int) -> int:
        at, size = 0, len(data)
        while at + _HEAD <= size and self.count < enough:
            end = at + _HEAD + (data[at + 3] << 8 | data[at + 4])
            if end > size:
                break
            at = end
            self.count += 1
        return at
