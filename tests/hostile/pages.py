"""What hostile agents answer: legal text made to cost as much as the caps let it."""

import json

HEALTHY = (
    b"process_start_time_seconds 1\nprocess_resident_memory_bytes 1e8\n"
    b"agentweave_connection_pool_active 3\nagentweave_requests_total 9\n"
)
"""A page that a healthy agent could answer, for hostile lines to be added to."""


def backslash_page(size: int = (8 << 20) - 1024) -> bytes:
    """One open breaker, and counters of 60 labels full of backslashes: `size` bytes."""
    labels = b",".join(b'l%d="%b"' % (number, b"\\\\" * 28) for number in range(60))
    line = b'agentweave_requests_total{callee="c%07d",%b} 1\n'
    head = HEALTHY + b'agentweave_circuit_breaker_state{callee="x"} 1\n'
    count = max(0, size - len(head)) // len(line % (0, labels))
    return head + b"".join(line % (number, labels) for number in range(count))


def plain_page(size: int = (8 << 20) - 1024) -> bytes:
    """As libraries print it: cheap to read, and as long as a page may be."""
    line = b"agentweave_fillers_total 1\n"
    return HEALTHY + line * ((size - len(HEALTHY)) // len(line))


def many_short_lines(size: int = (8 << 20) - 1024) -> bytes:
    """Two names in turn: a run of lines never holds more than one."""
    return HEALTHY + b"a 1\nb 1\n" * ((size - len(HEALTHY)) // 8)


def odd_lines(name: str = "process_start_time_seconds", size: int = 8000) -> bytes:
    """Lines that only the library can read, of a name that every probe asks for."""
    line = name.encode() + b'{a = "%d"} 1\n'
    return HEALTHY + b"".join(line % number for number in range(size // len(line)))


def many_labels(
    lines: int = 3000, labels: int = 60, name: str = "process_start_time_seconds", value: str = ""
) -> bytes:
    """As many lines of one name, each with as many labels, as a page may have."""
    beside = b",".join(b'l%d="%b%d"' % (number, value.encode(), number) for number in range(labels - 1))
    return HEALTHY + b"".join(b'%b{n="%d",%b} 1\n' % (name.encode(), line, beside) for line in range(lines))


def many_histograms(count: int = 3000) -> bytes:
    """Histograms of one bucket each."""
    bucket = b'agentweave_request_duration_seconds_bucket{callee="c%d",le="+Inf"} 1\n'
    return HEALTHY + b"".join(bucket % number for number in range(count))


def endless_traces(size: int = (8 << 20) - 1024) -> bytes:
    """Buckets with exemplars that are none, for the label of the last one has no end."""
    labels = b",".join(b't%d="%b"' % (number, b"\\\\#" * 8) for number in range(40))
    line = b'agentweave_request_duration_seconds_bucket{a="# {",le="%d"} 1 # {%b,x="} 1\n' % (1, labels)
    return HEALTHY + line * ((size - len(HEALTHY)) // len(line))


def thousand_subjects(count: int = 999, length: int = 0, state: int = 1, pool: int = 99) -> bytes:
    """`count` breakers and as many pools, all in trouble, with names of `length` characters."""
    lines = (
        b'agentweave_circuit_breaker_state{callee="%b"} %d\nagentweave_connection_pool_active{pool="%b"} %d\n'
        % (b"c%d" % number + b"x" * (length - 4), state, b"p%d" % number + b"z" * (length - 4), pool)
        for number in range(count)
    )
    return b"process_start_time_seconds 1\nprocess_resident_memory_bytes 1e8\n" + b"".join(lines)


def thousand_long_names() -> bytes:
    """A thousand callees and pools with names of 3.9 kB."""
    return thousand_subjects(length=3900)


def tiny_keys_status(size: int = (1 << 20) - 100) -> bytes:
    """An OPA status of nothing but the smallest keys."""
    return b'{"result":{' + b'"":1,' * ((size - 20) // 5) + b'"z":1}}'


def long_key_status(size: int = (1 << 20) - 100) -> bytes:
    """An OPA status of one key that does not end."""
    return b'{"result":{"' + b"a" * size


def tiny_values(size: int = (1 << 20) - 100) -> bytes:
    """An OPA status whose bundles are the smallest objects."""
    return b'{"result":{"bundles":{' + b'"":{},' * ((size - 40) // 6) + b'"z":{}}}}'


def thousand_bundles(length: int = 200) -> bytes:
    """A status of as many bundles as are judged, each with long words."""
    word, moment = "w" * length, "2026-01-01T00:00:00Z"
    said = {"active_revision": word, "code": word, "message": word, "last_request": moment}
    said |= {"last_successful_request": moment, "last_successful_activation": moment}
    bundles = {f"{word[:-4]}{number}": said for number in range(1000)}
    return json.dumps({"result": {"bundles": bundles}}).encode()


def deep_json(depth: int = 30000) -> bytes:
    """Arrays in arrays."""
    return b'{"result":' + b"[" * depth + b"]" * depth + b"}"


def huge_numbers(size: int = 60000) -> bytes:
    """Whole numbers of as many digits as are read, and one of more."""
    return b'{"result":{"allow":true,"n":[' + b",".join([b"9" * 4300] * (size // 4301)) + b"]}}"
