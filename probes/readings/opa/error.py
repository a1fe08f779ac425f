"""What OPA says of an error in a policy: the same shape in answers and in the status of a bundle."""

from probes.contract.text import LONGEST


def say_error(error: object) -> str:
    """`authz.rego:3: what is wrong (rego_parse_error)`, from `code`, `message` and `location`; empty: it says nothing.

    Source: `Error` of `v1/ast/errors.go` and `v1/topdown/errors.go` of OPA.
    """
    if not isinstance(error, dict) or not isinstance(error.get("message"), str):
        return ""
    code = error.get("code")
    named = f" ({one_line(code)})" if isinstance(code, str) and code else ""
    return f"{_place(error.get('location'))}{one_line(error['message'])}{named}"


def say_errors(errors: object) -> str:
    """The first of them, and how many more there are; empty where nothing is said."""
    if not isinstance(errors, list) or not errors or not (first := say_error(errors[0])):
        return ""
    return f"{first}, and {len(errors) - 1} more" if len(errors) > 1 else first


def one_line(text: str) -> str:
    """A text of OPA's that can be shown anywhere."""
    # JSON can say half of a surrogate pair, which no page of ours could be written with.
    return " ".join(text[: 2 * LONGEST].encode(errors="replace").decode().split())[:LONGEST]


def _place(location: object) -> str:
    match location:
        case {"file": str(file), "row": int(row)} if file:
            return f"{one_line(file)}:{row}: "
        case {"row": int(row)}:
            return f"line {row}: "
    return ""
