"""The commands of an argument parser as a tree: what completion scripts and the manual page are made of."""

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_Parser = argparse.ArgumentParser


@dataclass(frozen=True, slots=True)
class Option:
    """One option or argument."""

    names: tuple[str, ...]  # none: it is an argument
    metavar: str  # empty: it takes no value
    choices: tuple[str, ...]
    help: str
    is_path: bool
    needed: bool  # by itself; one of a group may be needed too


@dataclass(frozen=True, slots=True)
class Command:
    """One command of the tree."""

    path: tuple[str, ...]  # such as `config check`; none: the program
    help: str  # one line
    description: str
    epilog: str
    usage: str
    options: tuple[Option, ...]
    commands: tuple[tuple[str, str], ...]  # below it: name and help


def tree(parser: _Parser) -> Iterator[Command]:
    """All commands, each before those below it."""
    yield from _tree(parser, (), "")


def _tree(parser: _Parser, path: tuple[str, ...], about: str) -> Iterator[Command]:
    # argparse has no public names for what it was told; these are older than Python 3.
    actions: list[argparse.Action] = vars(parser)["_actions"]
    below = next((each for each in actions if isinstance(each.choices, dict)), None)
    helps = {} if below is None else {each.dest: each.help or "" for each in vars(below)["_choices_actions"]}
    parsers: Mapping[str, _Parser] = {} if below is None else vars(below)["choices"]
    usage = " ".join(parser.format_usage().removeprefix("usage: ").split())
    options = tuple(_option(each) for each in actions if each is not below)
    names = tuple((name, helps.get(name, "")) for name in parsers)
    yield Command(path, about, parser.description or "", parser.epilog or "", usage, options, names)
    for name, inner in parsers.items():
        yield from _tree(inner, (*path, name), helps.get(name, ""))


def _option(action: argparse.Action) -> Option:
    choices = tuple(map(str, action.choices)) if action.choices is not None else ()
    given = action.metavar if isinstance(action.metavar, str) else "|".join(choices)
    return Option(
        tuple(action.option_strings),
        (given or action.dest.upper()) if action.nargs != 0 else "",
        choices,
        action.help or "",
        given in ("FILE", "DIR", "PATH"),
        action.required,
    )
