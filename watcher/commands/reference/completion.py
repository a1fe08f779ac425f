"""The command `completion`: a script for bash, zsh or fish, made from the parser of the command line.

Each script finds the command that was typed so far by the names of the tree, and offers its options, its commands and
the values that an option may have; where none fit, files.
"""

from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator, Sequence

from watcher.commands.reference.parser_tree import Command, Option, tree

_NAME, _FUNCTION = "agentweave-watcher", "_agentweave_watcher"


def command(given: Namespace) -> int:
    """`completion bash|zsh|fish`: exit code 0."""
    print(script(given.shell, list(tree(given.parser))), end="")
    return 0


def script(shell: str, commands: Sequence[Command]) -> str:
    """The script of one shell."""
    write: Callable[[Sequence[Command]], Iterator[str]] = {"bash": _bash, "zsh": _zsh, "fish": _fish}[shell]
    return "\n".join(write(commands)) + "\n"


def _bash(commands: Sequence[Command]) -> Iterator[str]:
    yield f"# Completion of {_NAME} for bash: source <({_NAME} completion bash)"
    yield f"{_FUNCTION}() {{"
    yield '    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} at="" words="" i'
    yield "    COMPREPLY=()"
    yield "    for ((i = 1; i < COMP_CWORD; i++)); do"
    yield '        case "$at ${COMP_WORDS[i]}" in'
    yield f'            {_any_of(commands)}) at="$at ${{COMP_WORDS[i]}}" ;;'
    yield "        esac"
    yield "    done"
    yield '    case "$at:$prev" in'
    for at, option, name in _with_values(commands):
        values = " ".join(option.choices)
        yield f'        "{at}:{name}") COMPREPLY=($(compgen -W "{values}" -- "$cur")); return ;;'
    yield "    esac"
    yield '    case "$at" in'
    for each in commands:
        options = " ".join(name for option in each.options for name in option.names)
        others = " ".join((*(name for name, _ in each.commands), *_values(each)))
        yield f'        "{_at(each)}") [[ $cur == -* ]] && words="{options}" || words="{others}" ;;'
    yield "    esac"
    yield '    COMPREPLY=($(compgen -W "$words" -- "$cur"))'
    yield "}"
    yield f"complete -o default -F {_FUNCTION} {_NAME}"


def _zsh(commands: Sequence[Command]) -> Iterator[str]:
    yield f"#compdef {_NAME}"
    yield f'# Completion of {_NAME} for zsh: {_NAME} completion zsh > "${{fpath[1]}}/_{_NAME}"'
    yield f"{_FUNCTION}() {{"
    yield '    local at="" i'
    yield "    local -a found"
    yield "    for ((i = 2; i < CURRENT; i++)); do"
    yield '        case "$at $words[i]" in'
    yield f'            ({_any_of(commands)}) at="$at $words[i]" ;;'
    yield "        esac"
    yield "    done"
    yield '    case "$at:$words[CURRENT-1]" in'
    for at, option, name in _with_values(commands):
        yield f'        ("{at}:{name}") {_zsh_values(option)}; return ;;'
    yield "    esac"
    yield '    case "$at:$PREFIX" in'
    for each in commands:
        options = " ".join(_quoted(f"{name}:{_plain(option.help)}") for option in each.options for name in option.names)
        yield f'        ("{_at(each)}:"-*) found=({options}) ;;'
        others = [*each.commands, *((value, "") for value in _values(each))]
        described = " ".join(_quoted(f"{name}:{_plain(about)}") for name, about in others)
        yield f'        ("{_at(each)}:"*) found=({described}) ;;'
    yield "    esac"
    yield "    if (( $#found )); then _describe 'agentweave-watcher' found; else _files; fi"
    yield "}"
    yield f"compdef {_FUNCTION} {_NAME}"


def _fish(commands: Sequence[Command]) -> Iterator[str]:
    yield f"# Completion of {_NAME} for fish: {_NAME} completion fish | source"
    yield f"function _{_FUNCTION}_at"
    yield '    set -l at ""'
    yield "    for word in (commandline -opc)[2..-1]"
    yield '        switch "$at $word"'
    yield f"            case {' '.join(_quoted(_at(each)) for each in commands if each.path)}"
    yield '                set at "$at $word"'
    yield "        end"
    yield "    end"
    yield '    test "$at" = "$argv[1]"'
    yield "end"
    for each in commands:
        when = f"complete -c {_NAME} -n '_{_FUNCTION}_at {_quoted(_at(each), chr(34))}'"
        for name, about in each.commands:
            yield f"{when} -f -a {name} -d {_quoted(_plain(about))}"
        for value in _values(each):
            yield f"{when} -f -a {value}"
        for option in each.options:
            if option.names:
                yield f"{when} {_fish_option(option)}"


def _fish_option(option: Option) -> str:
    names = [f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in option.names]
    values = f" -a {_quoted(' '.join(option.choices))}" if option.choices else ""
    takes = "" if not option.metavar else " -r" if option.is_path else " -x"
    return f"{' '.join(names)}{takes}{values} -d {_quoted(_plain(option.help))}"


def _with_values(commands: Iterable[Command]) -> Iterator[tuple[str, Option, str]]:
    for each in commands:
        for option in each.options:
            for name in option.names if option.metavar else ():
                yield _at(each), option, name


def _values(command: Command) -> tuple[str, ...]:
    """What its arguments may be, where that is a list."""
    return tuple(choice for option in command.options if not option.names for choice in option.choices)


def _at(command: Command) -> str:
    return "".join(f" {name}" for name in command.path)


def _any_of(commands: Iterable[Command]) -> str:
    return "|".join(f'"{_at(each)}"' for each in commands if each.path)


def _plain(text: str) -> str:
    return " ".join(text.replace("\\", "").split())


def _quoted(text: str, mark: str = "'") -> str:
    return f"{mark}{text.replace(mark, '')}{mark}"


def _zsh_values(option: Option) -> str:
    if option.choices:
        return f"compadd -- {' '.join(option.choices)}"
    return "_files" if option.is_path else "_message value"
