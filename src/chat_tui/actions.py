"""Everything that a user can do with a key, written down once.

Bindings, the keymap in the settings, the palette, the help screen and docs/keys.md come from this table. Pure.
"""

from typing import NamedTuple


class Action(NamedTuple):
    """One action.

    `name` is its name in the settings; `method` the app's `action_*` that does it, with its arguments; `keys` are the keys that do it unless
    the settings say otherwise; `hint` is its word in the footer, if it has a place there.
    """

    name: str
    keys: str
    method: str
    group: str
    title: str
    hint: str = ""


ACTIONS: tuple[Action, ...] = (
    Action("jump", "ctrl+k", "jump", "Switching", "Go to a room or person by a few letters", "Jump"),
    Action("next-room", "ctrl+n", "switch(1)", "Switching", "Go to the next room"),
    Action("previous-room", "ctrl+p", "switch(-1)", "Switching", "Go to the previous room"),
    *(
        Action(f"room-{number}", f"alt+{number}", f"room({number})", "Switching", f"Go to room {number}")
        for number in range(1, 10)
    ),
    Action(
        "next-activity",
        "alt+a",
        "next_activity",
        "Switching",
        "Go to the next room with something new, mentions first",
        "Activity",
    ),
    Action("first-unread", "alt+u", "first_unread", "Reading", "Go to the first unread line"),
    Action("bottom", "escape", "bottom", "Reading", "Go back to the newest line"),
    Action("page-up", "pageup", "page(-1)", "Reading", "Scroll up"),
    Action("page-down", "pagedown", "page(1)", "Reading", "Scroll down"),
    Action("top", "ctrl+home", "top", "Reading", "Go to the oldest line that is loaded"),
    Action("end", "ctrl+end", "bottom", "Reading", "Go to the newest line"),
    Action("go-to", "ctrl+g", "go_to", "Reading", "Go to a line by its number, or to a day"),
    Action("search", "ctrl+f", "search", "Searching", "Search in this room", "Search"),
    Action("search-everywhere", "alt+f", "search_everywhere", "Searching", "Search in all rooms"),
    Action("copy", "ctrl+c", "copy", "Reading", "Copy what is selected"),
    Action("send-again", "alt+r", "send_again", "Writing", "Send failed lines again"),
    Action("give-up", "alt+d", "give_up", "Writing", "Take back what could not be stored, to the prompt"),
    Action("fold-rooms", "f7", "fold('rooms')", "Looking", "Show or hide the rooms"),
    Action("fold-people", "f8", "fold('people')", "Looking", "Show or hide the people"),
    Action("next-theme", "f9", "next_theme", "Looking", "Change the theme"),
    Action("reconnect", "ctrl+r", "reconnect", "Connecting", "Try to connect now"),
    Action("help", "f1", "help", "Program", "Show the keys and commands", "Help"),
    Action("palette", "f2", "command_palette", "Program", "Find an action by its name", "Actions"),
    Action("quit", "ctrl+q", "quit", "Program", "Quit", "Quit"),
)

KEYS_IN_PROMPT: tuple[tuple[str, str], ...] = (
    ("Enter", "Send"),
    ("Ctrl+J, Shift+Enter", "New line (Shift+Enter where the terminal can)"),
    ("Tab", "Complete a command, a name, a room or an :emoji:"),
    ("Up, Down", "What was sent before"),
    ("End", "In an empty prompt: go to the newest line"),
)
"""What keys do while one types; they cannot be changed."""


def shown_key(keys: str) -> str:
    """`ctrl+k` as people write it: `Ctrl+K`."""
    return ", ".join(
        "+".join(_NAMES.get(part, part.capitalize()) for part in key.split("+")) for key in keys.split(",")
    )


_NAMES = {"pageup": "PageUp", "pagedown": "PageDown", "escape": "Esc"}


def documented() -> str:
    """docs/keys.md."""
    lines = [
        "# Keys of chat-tui",
        "",
        'Made from `src/chat_tui/actions.py`. `[keys]` in the settings gives an action other keys, by its name: `jump = "ctrl+o"`.',
        "",
        "| key | name | what it does |",
        "| --- | --- | --- |",
    ]
    lines += [f"| {shown_key(action.keys)} | `{action.name}` | {action.title} |" for action in ACTIONS]
    lines += ["", "In the prompt:", "", "| key | what it does |", "| --- | --- |"]
    lines += [f"| {key} | {does} |" for key, does in KEYS_IN_PROMPT]
    return "\n".join(lines) + "\n"
