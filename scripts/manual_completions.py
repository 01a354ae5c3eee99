"""Completions of both programs for bash, zsh and fish, written from what can be typed.

What may follow depends on the command in which the words so far are, and on how many of its places are filled. Knows how these shells are written.
Never knows argparse.
"""

from collections.abc import Callable, Iterable, Iterator

from manual_tree import Command, Flag, Value

HEADER = "# Made by scripts/manuals from the program's own parser: do not edit it."


def bash(program: str, whole: Command) -> str:
    """What bash-completion loads when the program's name is completed for the first time; it needs nothing of that package."""
    name = "_" + program.replace("-", "_")
    return f"""{HEADER}
{name}() {{
    local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD - 1]}} place= filled=0 i
    # To bash, = is a word: --data=/srv is three.
    if [[ $word == = ]]; then word=; elif [[ $before == = ]]; then before=${{COMP_WORDS[COMP_CWORD - 2]}}; fi
    for ((i = 1; i < COMP_CWORD; i++)); do
        case "$place:${{COMP_WORDS[i]}}" in
{_lines(12, _bash_walk(whole))}
            *:-*) ;;
            *) filled=$((filled + 1)) ;;
        esac
    done
    COMPREPLY=()
    case "$place:$before" in
{_lines(8, _bash_values(whole))}
    esac
    case "$place:$filled:$word" in
{_lines(8, _bash_places(whole))}
    esac
}}
complete -F {name} {program}
"""


def _bash_walk(whole: Command) -> Iterator[str]:
    for command in whole.walk():
        here = " ".join(command.words)
        if names := _names(command, has_value=True):
            yield f"{_cases(here, names)}) i=$((i + 1)); [[ ${{COMP_WORDS[i]}} == = ]] && i=$((i + 1)) ;;"
        for further in command.commands:
            yield f'"{here}:{further.words[-1]}") place="{" ".join(further.words)}" filled=0 ;;'


def _bash_values(whole: Command) -> Iterator[str]:
    for command in whole.walk():
        here = " ".join(command.words)
        for flag in _with_value(command):
            yield f"{_cases(here, flag.names)}) {_bash_value(flag.value)} return ;;"


def _bash_places(whole: Command) -> Iterator[str]:
    for command in whole.walk():
        here = " ".join(command.words)
        flags = " ".join(name for flag in command.flags for name in flag.names)
        yield f'"{here}":*:-*) mapfile -t COMPREPLY < <(compgen -W "{flags}" -- "$word") ;;'
        if command.commands:
            words = " ".join(further.words[-1] for further in command.commands)
            yield f'"{here}":0:*) mapfile -t COMPREPLY < <(compgen -W "{words}" -- "$word") ;;'
        for at, place in enumerate(command.places):
            if does := _bash_value(place.value):
                yield f'"{here}":{"*" if place.value.is_repeated else at}:*) {does} ;;'


def _bash_value(value: Value | None) -> str:
    if value is None:
        return ""
    if value.choices:
        return f'mapfile -t COMPREPLY < <(compgen -W "{" ".join(value.choices)}" -- "$word");'
    kind = {"file": "-f", "directory": "-d"}.get(value.kind)
    return f'compopt -o filenames; mapfile -t COMPREPLY < <(compgen {kind} -- "$word");' if kind else ""


def _cases(here: str, names: Iterable[str]) -> str:
    return "|".join(f'"{here}:{name}"' for name in names)


def zsh(program: str, whole: Command) -> str:
    """What zsh loads from its fpath, or evaluates: then it says by itself what it completes."""
    name = "_" + program.replace("-", "_")
    functions = "\n".join(_zsh_function(name, command) for command in whole.walk())
    return f"""#compdef {program}
{HEADER}
{functions}
if [[ $funcstack[1] == _{program} ]]; then
    {name} "$@"
else
    compdef {name} {program}
fi
"""


def _zsh_function(name: str, command: Command) -> str:
    own = "__".join((name, *command.words)).replace("-", "_")
    arguments = [_zsh_flag(flag) for flag in command.flags]
    if not command.commands:
        for place in command.places:
            at = "*:" if place.value.is_repeated else "::" if place.value.is_optional else ":"
            arguments.append(_quoted(f"{at}{_zsh_text(place.value.name)}:{_zsh_value(place.value)}"))
        return f"{own}() {{\n    _arguments {_continued(arguments)}\n}}\n"
    arguments += ["': :->command'", "'*:: :->rest'"]
    lines = "\n".join(
        f"            {_quoted(f'{_zsh_text(each.words[-1])}:{each.explanation}')}" for each in command.commands
    )
    cases = "\n".join(
        f"                {each.words[-1]}) {own}__{each.words[-1].replace('-', '_')} ;;" for each in command.commands
    )
    other = f"\n            {_zsh_value(command.places[0].value, at_once=True)}" if command.places else ""
    return f"""{own}() {{
    local context state state_descr line
    typeset -A opt_args
    _arguments -C {_continued(arguments)}
    case $state in
        command)
            local -a commands=(
{lines}
            )
            _describe -t commands command commands{other}
            ;;
        rest)
            case $line[1] in
{cases}
            esac
            ;;
    esac
}}
"""


def _continued(arguments: list[str]) -> str:
    return " \\\n        ".join(["-s", *arguments])


def _zsh_flag(flag: Flag) -> str:
    names = flag.names[0] if len(flag.names) == 1 else "{" + ",".join(flag.names) + "}"
    excluded = "" if flag.is_repeated else f"({' '.join(flag.names)})"
    value = "" if flag.value is None else f":{_zsh_text(flag.value.name)}:{_zsh_value(flag.value)}"
    text = f"[{_zsh_text(flag.explanation)}]{value}"
    star = "*" if flag.is_repeated else ""
    return f"{_quoted(excluded)}{star}{names}{_quoted(text)}" if excluded else _quoted(f"{star}{names}{text}")


def _zsh_value(value: Value, *, at_once: bool = False) -> str:
    if value.choices:
        return f"({' '.join(value.choices)})"
    return {"file": "_files", "directory": "_files -/"}.get(value.kind, "_hosts" if at_once else " ")


def _zsh_text(text: str) -> str:
    return "".join(f"\\{character}" if character in r"\[]:" else character for character in text)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def fish(program: str, whole: Command) -> str:
    """What fish loads from its folders of completions, or sources."""
    name = "__" + program.replace("-", "_") + "_is_at"
    return f"""{HEADER}
function {name} --description 'Whether the words so far are in this command, with this many of its places filled (-1: whatever)'
    set -l place ''
    set -l filled 0
    set -l skip 0
    for word in (commandline -opc)[2..]
        if test $skip = 1
            set skip 0
            continue
        end
        switch "$place:$word"
{_lines(12, _fish_walk(whole))}
            case '*:-*'
            case '*'
                set filled (math $filled + 1)
        end
    end
    test "$place" = "$argv[1]"; and contains -- $argv[2] -1 $filled
end
complete -c {program} -f
{chr(10).join(_fish_lines(program, name, whole))}
"""


def _fish_walk(whole: Command) -> Iterator[str]:
    for command in whole.walk():
        here = " ".join(command.words)
        if names := _names(command, has_value=True):
            yield f"case {' '.join(_fish_text(f'{here}:{name}') for name in names)}"
            yield "    set skip 1"
        for further in command.commands:
            yield f"case {_fish_text(f'{here}:{further.words[-1]}')}"
            yield f"    set place {_fish_text(' '.join(further.words))}"
            yield "    set filled 0"


def _fish_lines(program: str, name: str, whole: Command) -> Iterator[str]:
    for command in whole.walk():
        here = " ".join(command.words)

        def line(at: int, rest: str, here: str = here) -> str:
            condition = _fish_text(f'{name} "{here}" {at}')
            return f"complete -c {program} -n {condition} {rest}"

        for flag in command.flags:
            names = " ".join(f"-l {each[2:]}" if each.startswith("--") else f"-s {each[1:]}" for each in flag.names)
            yield line(-1, f"{names}{_fish_value(flag.value)} -d {_fish_text(flag.explanation)}")
        for further in command.commands:
            yield line(0, f"-a {further.words[-1]} -d {_fish_text(further.explanation)}")
        for at, place in enumerate(command.places):
            if place.value.choices or place.value.kind:
                spots = range(at, at + 9) if place.value.is_repeated else (at,)
                yield from (line(spot, _fish_value(place.value).replace(" -r", "").strip()) for spot in spots)


def _fish_value(value: Value | None) -> str:
    if value is None:
        return ""
    if value.choices:
        return f" -r -a {_fish_text(' '.join(value.choices))}"
    return {"file": " -r -F", "directory": " -r -a '(__fish_complete_directories)'"}.get(value.kind, " -r")


def _fish_text(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _names(command: Command, *, has_value: bool) -> tuple[str, ...]:
    return tuple(name for flag in command.flags if (flag.value is not None) is has_value for name in flag.names)


def _with_value(command: Command) -> tuple[Flag, ...]:
    return tuple(flag for flag in command.flags if flag.value is not None)


def _lines(indent: int, lines: Iterable[str]) -> str:
    return "\n".join(" " * indent + line for line in lines)


SHELLS: dict[str, Callable[[str, Command], str]] = {"bash": bash, "zsh": zsh, "fish": fish}
