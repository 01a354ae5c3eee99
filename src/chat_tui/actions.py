"""Everything that a user can do with a key, written down once.

Bindings, the keymap in the settings, the palette, the help screen and docs/keys.md come from this table; who wants other keys writes them under
`[keys]` in the settings (settings.py). Pure.
"""

from collections.abc import Mapping
from typing import NamedTuple

from chat_tui.language import message, say


class Action(NamedTuple):
    """One action.

    Its words are English, and translated where they are shown: `group`, `title`, in which `{number}` may stand, and `hint`. `name` is its name in
    the settings; `method` the `action_*` of the main screen, or of the program (`app.`), that does it, with its
    arguments; `keys` are the keys that do it unless the settings say otherwise; `hint` is its word in the footer, if it has a place there.
    """

    name: str
    keys: str
    method: str
    group: str
    title: str
    hint: str = ""
    number: int = 0

    @property
    def words(self) -> str:
        """What it does, in the language that is spoken."""
        return say(self.title, number=self.number)


ACTIONS: tuple[Action, ...] = (
    Action("jump", "ctrl+k", "do('jump')", "Switching", "Go to a room or person by a few letters", "go to"),
    Action("next-room", "ctrl+n", "switch(1)", "Switching", "Go to the next room"),
    Action("previous-room", "ctrl+p", "switch(-1)", "Switching", "Go to the previous room"),
    *(
        Action(f"room-{number}", f"alt+{number}", f"room({number})", "Switching", "Go to room {number}", number=number)
        for number in range(1, 10)
    ),
    Action(
        "next-activity",
        "alt+a",
        "do('next-activity')",
        "Switching",
        "Go to the next room with something new, mentions first",
        "next new",
    ),
    Action("split", "alt+v", "do('split')", "Switching", "Show a second room beside this one, or close it"),
    Action("other-side", "alt+c", "do('other-side')", "Switching", "Write in the other of two rooms side by side"),
    Action("first-unread", "alt+u", "first_unread", "Reading", "Go to the first unread line"),
    Action("bottom", "escape", "bottom", "Reading", "Go back to the newest line"),
    Action("page-up", "pageup", "page(-1)", "Reading", "Scroll up"),
    Action("page-down", "pagedown", "page(1)", "Reading", "Scroll down"),
    Action("top", "ctrl+home", "top", "Reading", "Go to the oldest line that is loaded"),
    Action("end", "ctrl+end", "bottom", "Reading", "Go to the newest line"),
    Action("go-to", "ctrl+g", "go_to", "Reading", "Go to a line by its number, or to a day"),
    Action("choose-up", "alt+up", "choose(-1)", "Lines", "Choose a line; again, the one above"),
    Action("choose-down", "alt+down", "choose(1)", "Lines", "Choose the line below"),
    Action("line-up", "up", "line('up')", "Lines", "Once a line is chosen: choose the one above"),
    Action("line-down", "down", "line('down')", "Lines", "Once a line is chosen: choose the one below"),
    Action("line-reply", "r", "line('reply')", "Lines", "Reply to the chosen line", "reply"),
    Action("line-edit", "e", "line('edit')", "Lines", "Edit the chosen line, if it is yours, for 15 minutes", "edit"),
    Action("line-react", "plus", "line('react')", "Lines", "React to the chosen line with an emoji", "react"),
    Action("line-copy", "y", "line('copy')", "Lines", "Copy the chosen line", "copy"),
    Action("line-menu", "enter", "line('menu')", "Lines", "Show what can be done with the chosen line", "menu"),
    Action("line-quote", "q", "line('quote')", "Lines", "Quote the chosen line in the prompt"),
    Action("line-links", "o", "line('links')", "Lines", "Open a link of the chosen line"),
    Action("line-go", "g", "line('go')", "Lines", "Go to the line to which the chosen one replies"),
    Action("line-author", "w", "line('author')", "Lines", "Show who has said the chosen line"),
    Action("line-versions", "v", "line('versions')", "Lines", "Show what the chosen line said before"),
    Action("line-report", "exclamation_mark", "line('report')", "Lines", "Report the chosen line to the moderators"),
    Action("line-delete", "d", "line('delete')", "Lines", "Delete the chosen line"),
    Action("search", "ctrl+f", "search", "Searching", "Search in this room", "search"),
    Action("search-everywhere", "alt+f", "do('search-everywhere')", "Searching", "Search in all rooms"),
    Action("copy", "ctrl+c", "copy", "Reading", "Copy what is selected"),
    Action("links", "alt+k", "do('links')", "Reading", "Show this room's links, to open or copy one"),
    Action("mark-read", "alt+e", "do('read')", "Reading", "Mark this room as read"),
    Action("mark-unread", "alt+w", "do('unread')", "Reading", "Mark as unread from the top of the screen on"),
    Action("search-typed", "ctrl+r", "search_typed", "Writing", "Search in what you have sent"),
    Action("send-again", "alt+r", "do('send-again')", "Writing", "Send failed lines again"),
    Action("give-up", "alt+d", "do('give-up')", "Writing", "Take failed lines back to the prompt"),
    Action("fold-rooms", "f7", "fold('rooms')", "Looking", "Show or hide the rooms", "panes"),
    Action("fold-people", "f8", "fold('people')", "Looking", "Show or hide the people", "panes"),
    Action("joins", "alt+j", "do('joins')", "Looking", "Show or hide who comes and goes in this room"),
    Action("options", "alt+o", "do('menu')", "Looking", "Choose for this room: notifications, mute, pin"),
    Action("pin", "alt+i", "do('pin')", "Looking", "Have this room first among the rooms, or no longer"),
    Action("quiet", "alt+q", "do('quiet')", "Looking", "Mute this room, or end that"),
    Action("numbers", "alt+l", "do('numbers')", "Looking", "Show or hide the numbers of lines"),
    Action("bare", "alt+x", "app.bare", "Looking", "Show the lines as plain text, to select and copy; again: go back"),
    Action(
        "moderate",
        "alt+m",
        "do('moderate')",
        "Looking",
        "Kick, mute or ban somebody here, or give a role (for moderators)",
    ),
    Action("next-theme", "f9", "app.toggle_theme", "Looking", "Switch between dark and light (F2 has all themes)"),
    Action("redraw", "ctrl+l", "app.redraw", "Looking", "Draw the screen again, if something else has written on it"),
    Action("connect", "f3", "app.connect", "Connecting", "Connect to another server, or under another name"),
    Action("account", "f12", "app.account", "Connecting", "Your account: register, password, codes"),
    Action("reconnect", "f5", "app.reconnect", "Connecting", "Try to connect now"),
    Action("line", "f4", "app.line", "Connecting", "Show whether the line is encrypted, and the server's fingerprint"),
    Action("devices", "f6", "app.devices", "Connecting", "Show your devices, and drop them"),
    Action("help", "f1", "app.help", "Program", "Show the keys and commands", "keys"),
    Action("palette", "f2", "app.command_palette", "Program", "Find an action by its name", "actions"),
    Action("quit", "ctrl+q", "app.quit", "Program", "Quit", "quit"),
)

EVERYWHERE = ("reconnect", "redraw", "quit")
"""Actions whose keys work whatever is open."""

KEYS_IN_PROMPT: tuple[tuple[str, str], ...] = (
    ("Enter", "Send"),
    ("Ctrl+J, Shift+Enter", "New line (Shift+Enter where the terminal can)"),
    ("Tab", "Complete a command, a name, a room, a line's number or an :emoji:"),
    ("Up, Down", "What was sent before; Up in an empty prompt first edits your last line, for 15 minutes"),
    ("End", "In an empty prompt: go to the newest line"),
)
"""What keys do while one types, whatever the settings say of actions."""

EDITING_KEYS: tuple[tuple[str, str], ...] = (
    ("Ctrl+A, Ctrl+E", "Go to the beginning or the end of the line"),
    ("Ctrl+W, Ctrl+U", "Delete the word before, or the line up to here"),
    ("Ctrl+Z, Ctrl+Y", "Undo a word or a paste, and redo it"),
)
"""What they do to the text, unless a preset has others."""


class Edit(NamedTuple):
    """What a key does to the text in the prompt: `method` is one of the prompt's `action_*`, with its arguments."""

    key: str
    method: str
    title: str


class Preset(NamedTuple):
    """A set of keys that one may know from elsewhere: what they do in the prompt, and where the actions are that had them."""

    edits: tuple[Edit, ...]
    moved: dict[str, str]


PRESETS = {
    "readline": Preset(
        (
            Edit("ctrl+a", "cursor_line_start", "Go to the beginning of the line"),
            Edit("ctrl+e", "cursor_line_end", "Go to the end of the line"),
            Edit("ctrl+b", "cursor_left", "Go back a character"),
            Edit("ctrl+f", "cursor_right", "Go forward a character"),
            Edit("alt+b", "cursor_word_left", "Go back a word"),
            Edit("alt+f", "cursor_word_right", "Go forward a word"),
            Edit("ctrl+p", "history(-1)", "What was sent before, as Up"),
            Edit("ctrl+n", "history(1)", "What was sent after that, as Down"),
            Edit("ctrl+d", "delete_right", "Delete the character under the cursor"),
            Edit("ctrl+k", "kill_line", "Kill to the end of the line"),
            Edit("ctrl+u", "kill_to_start", "Kill to the beginning of the line"),
            Edit("ctrl+w", "kill_word_back", "Kill the word before the cursor"),
            Edit("alt+backspace", "kill_word_back", "The same"),
            Edit("alt+d", "kill_word", "Kill to the end of the word"),
            Edit("ctrl+y", "yank", "Put back what was killed last"),
            Edit("ctrl+underscore", "undo", "Undo a word, a kill or a paste"),
            Edit("ctrl+z", "app.suspend_process", "Suspend the program; fg in the shell goes on with it"),
        ),
        {
            "jump": "ctrl+o",
            "next-room": "alt+n",
            "previous-room": "alt+p",
            "search": "ctrl+s",
            "search-everywhere": "alt+s",
            "give-up": "alt+t",
        },
    )
}
"""By the word for `[keys] preset`."""


def keymap(keys: Mapping[str, str]) -> dict[str, str]:
    """The keys of actions that are not where ACTIONS says, by the settings' `[keys]`: the preset's, and over them the user's own."""
    preset = PRESETS.get(keys.get("preset", ""))
    return {**(preset.moved if preset else {}), **{name: key for name, key in keys.items() if name != "preset"}}


OF_A_LINE = "line-"
"""How the names of actions begin that are done with the line which is chosen."""


def line_titles(keys: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """For each thing that can be done with a line its key and what it is, by the settings' `[keys]`."""
    chosen = keymap(keys)
    return {
        action.name.removeprefix(OF_A_LINE): (chosen.get(action.name, action.keys), LINE_DEEDS[action.name])
        for action in ACTIONS
        if action.name in LINE_DEEDS
    }


LINE_DEEDS = {
    "line-reply": message("Reply"),
    "line-quote": message("Quote it in the prompt"),
    "line-edit": message("Edit it"),
    "line-react": message("React with an emoji"),
    "line-copy": message("Copy it"),
    "line-links": message("Open its links"),
    "line-go": message("Go to the line that it replies to"),
    "line-author": message("Show who has said it"),
    "line-versions": message("Show what it said before"),
    "line-report": message("Report it to the moderators"),
    "line-delete": message("Delete it"),
}
"""What stands in a line's menu, by the name of the action."""


def edits(keys: Mapping[str, str]) -> dict[str, str]:
    """What keys do in the prompt by the settings' preset: methods by key. A key that the user has given to an action stays with it."""
    preset = PRESETS.get(keys.get("preset", ""))
    taken = {key for name, chosen in keys.items() if name != "preset" for key in chosen.split(",")}
    return {edit.key: edit.method for edit in (preset.edits if preset else ()) if edit.key not in taken}


def shown_key(keys: str) -> str:
    """`ctrl+k` as people write it: `Ctrl+K`; a letter by itself stays as it is, for nobody presses Shift with it."""
    return ", ".join(
        key if len(key) == 1 else "+".join(_NAMES.get(part, part.capitalize()) for part in key.split("+"))
        for key in keys.split(",")
    )


_NAMES = {
    "plus": "+",
    "exclamation_mark": "!",
    "pageup": "PageUp",
    "pagedown": "PageDown",
    "escape": "Esc",
    "underscore": "_",
}


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
    lines += [
        f"| {shown_key(action.keys)} | `{action.name}` | {action.title.format(number=action.number)} |"
        for action in ACTIONS
    ]
    lines += ["", "In the prompt:", "", "| key | what it does |", "| --- | --- |"]
    lines += [f"| {key} | {does} |" for key, does in (*KEYS_IN_PROMPT, *EDITING_KEYS)]
    lines += [
        "",
        "Ctrl+Z undoes, and does not suspend the program. `kill -TSTP`, the action Suspend of F2, or Ctrl+Z with the preset below do: the",
        "terminal is given back, and `fg` goes on.",
    ]
    titles = {action.name: action.title for action in ACTIONS}
    for name, preset in PRESETS.items():
        lines += [
            "",
            f'## `[keys] preset = "{name}"`',
            "",
            "In the prompt keys do what they do in a shell. An action that you give such a key yourself keeps it.",
            "",
            "| key | what it does |",
            "| --- | --- |",
        ]
        lines += [f"| {shown_key(edit.key)} | {edit.title} |" for edit in preset.edits]
        lines += ["", "These actions make way for them:", "", "| key | name | what it does |", "| --- | --- | --- |"]
        lines += [f"| {shown_key(key)} | `{moved}` | {titles[moved]} |" for moved, key in preset.moved.items()]
    return "\n".join(lines) + "\n"
