"""The prompt: where one writes, in several lines; words that may be misspelt are marked, and a long paste is asked about.

Knows keys. What was sent before is in input_history.py, what Tab does in completion_cycle.py. Never knows what is done with what is sent.
"""

from collections.abc import Callable, Container, Mapping, Sequence
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.text import Text
from textual.content import Content
from textual.events import Key, Paste
from textual.message import Message
from textual.widgets import TextArea
from textual.widgets.text_area import Selection

from chat_server.protocol.sanitize import typed_lines, without_unseen_start
from chat_tui.client.completion import Completion, replaced
from chat_tui.client.spelling import misspelt, word_before
from chat_tui.language import say
from chat_tui.ui.completion_cycle import CompletionCycle
from chat_tui.ui.input_history import InputHistory
from chat_tui.ui.quick_text_area import QuickTextArea
from chat_tui.ui.readline_keys import ReadlineKeys
from chat_tui.ui.spelling import Dictionaries

if TYPE_CHECKING:
    from textual.widgets.text_area import Edit, EditResult

UNDO_MAX = 1000
"""Words that can be undone: more than a message has."""

PASTE_ASKS_ABOVE = 5
"""Lines of a paste that go in without being asked for."""


def prompt_for(room: str, columns: int = 0, *, is_archived: bool = False) -> str:
    """What stands in the prompt while nothing is written: where a message goes. `room` is "" for somebody who is in none.

    As much as there are `columns` for; 0: all of it.
    """
    name = room.removeprefix("@")
    if is_archived:
        said = say("{room} is archived; / for commands", room=room), say("{room} is archived", room=room)
    elif not room:
        said = say("/join NAME enters a room; / for commands"), say("/join NAME enters a room")
    else:
        said = say("Write to {room}, or / for commands", room=name), say("Write to {room}", room=name)
    fitting = (words for words in said if not columns or cell_len(words) <= columns)
    return next(fitting, "") or Content(said[-1]).truncate(columns, ellipsis=True).plain


def _correction(before: str, dictionaries: Dictionaries, names: Container[str]) -> Completion | None:
    """What the word before the cursor may be meant to be, if no dictionary has it."""
    line = before.rpartition("\n")[2]
    span = word_before(line, len(line)) if dictionaries else None
    if span is None or span not in misspelt(line, dictionaries.knows, names):
        return None
    choices = dictionaries.suggestions(line[slice(*span)])
    return Completion(len(before) - len(line) + span[0], choices) if choices else None


def _location(text: str, at: int) -> tuple[int, int]:
    """The row and column of a place in a text."""
    before = text[:at]
    return before.count("\n"), at - (before.rfind("\n") + 1)


class Composer(QuickTextArea):
    """The prompt."""

    COMPONENT_CLASSES = TextArea.COMPONENT_CLASSES | {"composer--misspelt"}

    DEFAULT_CSS = """
    Composer {
        height: auto;
        max-height: 33vh;
        min-height: 1;
        width: 1fr;
        border: none;
        padding: 0 1 0 0;
        scrollbar-size-vertical: 1;
        background: $panel;
        & .text-area--placeholder { color: $text-muted; }
        & .text-area--cursor { color: $background; background: $foreground; text-style: none; }
        &:ansi .text-area--cursor { color: ansi_default; background: ansi_default; text-style: reverse; }
        &:focus { border: none; }
        & .composer--misspelt { color: $text-error; text-style: underline; }
    }
    """

    class Submitted(Message):
        """Somebody wants to send this."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class LongPaste(Message):
        """Many lines were pasted, and wait for a yes."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class BottomWanted(Message):
        """Esc was pressed; or End, in an empty prompt."""

    def __init__(
        self,
        *,
        complete: Callable[[str], Completion | None],
        before_history: Callable[[], str | None],
        edits: Mapping[str, str],
        dictionaries: Dictionaries,
        names: Container[str] = (),
        id: str,  # noqa: A002 - Textual's name
    ) -> None:
        """An empty prompt.

        Args:
            complete: knows what the word before the cursor may become.
            before_history: asked when Up is to go back through what was sent; returns None if it has done something else instead, or else a
                text that one has just seen.
            edits: actions of the prompt by further keys.
            dictionaries: by which words are marked that may be misspelt.
            names: words that are right, in small letters, whatever these say.
            id: its name on the screen.

        """
        super().__init__(
            id=id,
            soft_wrap=True,
            tab_behavior="indent",
            highlight_cursor_line=False,
            placeholder=prompt_for(""),
            max_checkpoints=UNDO_MAX,
        )
        self.cursor_blink = False
        self._completing = CompletionCycle(lambda before: complete(before) or _correction(before, dictionaries, names))
        self._before_history = before_history
        self.is_editing = False
        """Whether it has the text of a line that was sent, in whose place nothing else comes."""
        self._edits = edits
        self.gives_letters = False
        """Whether letters may mean something else just now than to be written."""
        self._dictionaries = dictionaries
        self._names = names
        self._killing = ReadlineKeys(self)
        self._aim = "", False
        self._sent = InputHistory()
        self.when_empty: Callable[[str], bool] = lambda _: False
        """Told of Up, Down and Enter while nothing is written; returns whether it has done something."""
        self.begun = ""
        """What was in the prompt when somebody began to write here."""

    def address(self, room: str, *, is_archived: bool = False) -> None:
        """Say in the empty prompt where a message goes, if any can."""
        self._aim = room, is_archived
        self._say_aim()

    def on_resize(self) -> None:
        """There is more place, or less."""
        self._say_aim()

    def _say_aim(self) -> None:
        room, is_archived = self._aim
        self.placeholder = prompt_for(room, self.content_size.width, is_archived=is_archived)

    def remember(self, texts: Sequence[str]) -> None:
        """What was sent before, oldest first."""
        self._sent.remember(texts)

    def put(self, text: str) -> None:
        """Have this text in the prompt, the cursor at its end."""
        self.load_text(text)
        self.move_cursor(self.document.end)
        self._completing.forget()

    @property
    def typed(self) -> Sequence[str]:
        """What was sent before, oldest first."""
        return self._sent.texts

    @property
    def typed_at(self) -> int | None:
        """The place of that of it which is in the prompt, if any is."""
        return self._sent.at

    def recall(self, at: int | None, marked: str = "") -> None:
        """Have in the prompt what was sent before, by its place, with what is searched for selected; None: what was being written."""
        text = self._sent.recall(at, self.text)
        self.put(text)
        start = text.casefold().find(marked.casefold()) if marked else -1
        if start >= 0 and len(text.casefold()) == len(text):
            end = start + len(marked)
            self.selection = Selection(_location(text, start), _location(text, end))

    @property
    def draft(self) -> str:
        """What is written and not sent: not what Up has brought back, unless it was changed."""
        return self._sent.draft(self.text)

    def begin(self, draft: str) -> None:
        """Have what was being written elsewhere in the prompt: what was gone through before is over."""
        self._sent.leave()
        self.begun = draft
        self.put(draft)

    def put_in(self, text: str, cursor: int) -> None:
        """Put in a text where the cursor is, which stands after so many of its characters then."""
        self.insert(text[:cursor])
        here = self.cursor_location
        self.insert(text[cursor:])
        self.move_cursor(here)
        self.focus()

    def submit(self) -> None:
        """Send what is written."""
        text = typed_lines(self.text)
        if not text.strip():
            return
        self._sent.leave()
        self._completing.forget()
        self.post_message(self.Submitted(replaced(text)))  # before it is told that the prompt is empty
        self.load_text("")

    def complete(self, step: int) -> None:
        """Complete the word before the cursor; again, take the next choice."""
        before = without_unseen_start(self.get_text_range((0, 0), self.cursor_location))
        whole = self._completing.complete(before, step)
        if whole is not None:
            self.replace(whole, (0, 0), self.cursor_location)

    def get_line(self, line_index: int) -> Text:
        """A line as it is drawn: words that may be misspelt are underlined, in a colour of their own."""
        line = super().get_line(line_index)
        if self._dictionaries:
            row, column = self.cursor_location
            cursor = column if row == line_index else -1
            style = self.get_component_rich_style("composer--misspelt", partial=True)
            for first, last in misspelt(line.plain, self._dictionaries.knows, self._names, cursor=cursor):
                line.stylize(style, first, last)
        return line

    def _watch_text(self) -> None:
        if self._dictionaries.is_wanted and self.text[:1].strip("/"):
            self._dictionaries.is_wanted = False
            self.run_worker(self._open_dictionaries, thread=True, group="dictionaries", exit_on_error=False)

    def _open_dictionaries(self) -> None:
        self._dictionaries.open()
        self.call_later(self._mark_misspelt)

    def _mark_misspelt(self) -> None:
        """Draw again what was drawn before there were dictionaries."""
        if self._dictionaries:
            self.notify_style_update()
            self.refresh()

    def edit(self, edit: "Edit") -> "EditResult":
        """Change the text. One step of undoing ends after a word: what was typed in two seconds may be ten of them."""
        result = super().edit(edit)
        self._watch_text()
        if edit.text[-1:].isspace():
            self.history.checkpoint()
        return result

    def get_cursor_line_start_location(self, smart_home: bool = False) -> tuple[int, int]:
        """Where the line begins, on however many rows it is seen: how a terminal breaks it is nothing that one has typed."""
        row, _ = self.cursor_location
        is_broken = bool(self.wrapped_document.get_offsets(row))
        return (row, 0) if is_broken else super().get_cursor_line_start_location(smart_home)

    def get_cursor_line_end_location(self) -> tuple[int, int]:
        """Where it ends."""
        row, _ = self.cursor_location
        return row, len(self.document[row])

    def action_history(self, step: int) -> None:
        """Go through what was sent before: back if -1."""
        if step < 0 or self.typed_at is not None:
            self._step(step)

    def action_kill_line(self) -> None:
        """Kill to the end of the line."""
        self._killing.kill_line()

    def action_kill_to_start(self) -> None:
        """Kill to the beginning of the line."""
        self._killing.kill_to_start()

    def action_kill_word(self) -> None:
        """Kill to the end of the word."""
        self._killing.kill_word()

    def action_kill_word_back(self) -> None:
        """Kill the word before the cursor."""
        self._killing.kill_word_back()

    def action_yank(self) -> None:
        """Put back what was killed last."""
        self._killing.yank()

    def check_consume_key(self, key: str, character: str | None = None) -> bool:
        """Whether nothing else is to have this key."""
        return not self.gives_letters and super().check_consume_key(key, character)

    async def _on_key(self, event: Key) -> None:
        method = self._edits.get(event.key)
        if method is not None:
            event.prevent_default()
            event.stop()
            await self.run_action(method)
        elif self._has_handled(event.key):
            event.prevent_default()
            event.stop()
        else:
            await super()._on_key(event)

    def _has_handled(self, key: str) -> bool:
        """Do what a key means here; return False if it means here what it means in every text area."""
        row, column = self.cursor_location
        match key:
            case "up" | "down" | "enter" if not self.text and self.when_empty(key):
                pass
            case "enter":
                self.submit()
            case "ctrl+j" | "shift+enter" | "alt+enter":
                self.insert("\n")
            case "tab" | "shift+tab":
                self.complete(1 if key == "tab" else -1)
            case "up" if self.wrapped_document.location_to_offset((row, column)).y == 0:
                return self._up()
            case "down" if self.typed_at is not None and row == self.document.line_count - 1:
                return self._step(1)
            case "escape":
                self.post_message(self.BottomWanted())
            case "end" if not self.text:
                self.post_message(self.BottomWanted())
            case _:
                return False
        return True

    def _up(self) -> bool:
        seen = self._before_history() if self.typed_at is None else ""
        if seen is None:
            return True
        is_there = self._step(-1)
        return self._step(-1) or is_there if seen and self.text == seen else is_there

    def _step(self, step: int) -> bool:
        """Go through what was sent before."""
        if self.is_editing or not self._sent.can_go(step):
            return False
        self.recall(self._sent.place_after(step))
        return True

    async def _on_paste(self, event: Paste) -> None:
        text = typed_lines(event.text)
        event.stop()
        event.prevent_default()
        if text.count("\n") >= PASTE_ASKS_ABOVE:
            self.post_message(self.LongPaste(text))
        else:
            self.insert(text)


Composer.FOR_SCREEN = TextArea.Changed, Composer.Submitted, Composer.LongPaste, Composer.BottomWanted
