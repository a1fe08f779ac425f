"""What is a rate, such as that of sampled traces?"""


def is_rate(value: object) -> bool:
    """Whether it is a number above 0 and at most 1, or a text of one."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return False
    try:
        return 0 < float(value) <= 1
    except (ValueError, OverflowError):
        return False
