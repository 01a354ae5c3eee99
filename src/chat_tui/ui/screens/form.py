"""A form in which secrets are asked for: what for, the fields, what is kept of it, and what the server has said to it.

It stays until the server has answered, so that what is wrong stands where it can be put right. What was typed unseen is gone from it as soon as it
has been sent. Never knows what is asked, nor of whom.
"""

from collections.abc import Callable, Mapping
from typing import ClassVar, NamedTuple

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Label

from chat_tui.client.account_words import ASKING
from chat_tui.language import say, sentences
from chat_tui.ui.field import Field, SecretField
from chat_tui.ui.screens.box import Box
from chat_tui.ui.screens.prose import Prose

ANSWERS, SHORT = 2, 16
"""Rows that the answers take, and rows of a terminal below which nothing is left empty."""


class Asked(NamedTuple):
    """A field of a form."""

    name: str
    label: str
    placeholder: str = ""
    value: str = ""
    is_secret: bool = True


class Form(NamedTuple):
    """What a form says."""

    heading: str
    what: str
    fields: tuple[Asked, ...]
    yes: str
    """What sends it."""
    other: str = ""
    """What else may be done, if anything."""
    kept: str = ""
    is_dangerous: bool = False
    takes_any: bool = False
    """Whether one field is enough."""


class FormScreen(ModalScreen[None]):
    """Asks, and stays until it is told to go or the user leaves."""

    CSS_PATH = "screens.tcss"
    AUTO_FOCUS: ClassVar[str | None] = "Input"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Back"),
        Binding("f3", "other", "Other"),
        Binding("down", "app.focus_next", show=False),
        Binding("up", "app.focus_previous", show=False),
        Binding("pageup", "page(-1)", "Up", show=False),
        Binding("pagedown", "page(1)", "Down", show=False),
        Binding("ctrl+q", "app.quit", "Quit"),
    ]

    def __init__(
        self,
        form: Form,
        send: Callable[[Mapping[str, str]], str],
        other: Callable[[], object] | None = None,
        left: Callable[[], object] | None = None,
    ) -> None:
        """Ask nothing yet.

        Args:
            form: what it says.
            send: is given what was typed; returns what is wrong with it, in sentences, or "" if the server is being asked.
            other: does what else may be done.
            left: called when the user leaves it.

        """
        super().__init__()
        self.form = form
        self._send, self._other, self._left = send, other, left
        self._is_waiting = self._is_over = False
        self._takes_keys = False
        enter = say("Tab goes on.") if form.is_dangerous else say("Enter sends.")
        f3 = say("F3: {other}.", other=form.other.lower()) if form.other else ""
        self._hint = sentences(enter, say("Esc goes back."), f3)

    def compose(self) -> ComposeResult:
        """What is asked, and the answers."""
        form = self.form
        with Box(form.heading, self._hint, classes="danger" if form.is_dangerous else "", id="form"):
            with VerticalScroll(can_focus=False):
                yield Prose(form.what, classes="what")
                for asked in form.fields:
                    with Horizontal(classes="field"):
                        yield Label(asked.label)
                        if asked.is_secret:
                            yield SecretField(asked.value, placeholder=asked.placeholder, id=asked.name)
                        else:
                            yield Field(asked.value, placeholder=asked.placeholder, id=asked.name, compact=True)
                yield Prose(form.kept, classes="kept")
            with Horizontal(classes="answers"):
                if form.is_dangerous:
                    yield Button(say("Back"), id="back", variant="primary", compact=True)
                yield Button(form.yes, id="yes", variant="default" if form.is_dangerous else "primary", compact=True)
                if form.other:
                    yield Button(form.other, id="other", compact=True)

    def on_mount(self) -> None:
        """Be as large as there is place."""
        self.query_one(".kept").display = bool(self.form.kept)
        self._fit()

    def on_resize(self) -> None:
        """The terminal is of another size: what is laid out just now is not yet."""
        self.call_after_refresh(self._fit)

    def _fit(self) -> None:
        """What there is to read scrolls, and the answers are always seen."""
        box = self.query_one(Box)
        box.set_class(self.app.size.height < SHORT, "short")
        self.query_one(VerticalScroll).styles.max_height = max(3, box.rows - ANSWERS)

    def _say(self, text: str, *, is_wrong: bool = False) -> None:
        """Say this in place of what the form is for, which has been read by then; say that again with no text."""
        what = self.query_one(".what", Prose)
        what.say(f"✗ {text}" if is_wrong else text or self.form.what)
        what.set_class(is_wrong, "wrong")

    def tell(self, text: str) -> None:
        """Say how it goes."""
        if self.is_attached:
            self._say(text)

    def add_typed(self, text: str) -> None:
        """Have this too in the first field, behind what was typed there before it opened."""
        if fields := [*self.query(Input)]:
            fields[0].insert(text, len(fields[0].value))
        else:
            first, *others = self.form.fields
            self.form = self.form._replace(fields=(first._replace(value=first.value + text), *others))

    def refuse(self, why: str) -> None:
        """Say what is wrong, if something is, and ask again."""
        self._is_waiting = False
        if self.is_attached:
            self._say(why, is_wrong=bool(why))
            self._focus_first()

    def finish(self) -> None:
        """Go; from below another screen, as soon as that is gone."""
        self._is_over = True
        if self.is_active:
            self.dismiss()

    @property
    def is_opening(self) -> bool:
        """Whether it comes to the screen just now, and no key finds a field yet."""
        return self.is_current and not self._takes_keys

    def _take_keys(self) -> None:
        self._takes_keys = True

    def on_screen_resume(self) -> None:
        """It has come to the screen: what was over it is gone."""
        self.call_later(self._take_keys)  # a field has the focus when Textual has seen this too
        if self._is_over:
            self.dismiss()

    def lose(self, why: str) -> None:
        """What was sent is not answered any more, if something was."""
        if self._is_waiting:
            self.refuse(why)

    def _focus_first(self) -> None:
        """Go to what has to be typed again."""
        empty = [field for field in self.query(Input) if not field.value]
        (empty or [*self.query(Input)])[0].focus()

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        if event.value and not self._is_waiting:
            self._say("")

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        """Go to the next field that is empty; from the last one, or where all has been typed, send it."""
        fields = [*self.query(Input)]
        following = fields[fields.index(event.input) + 1 :]
        if event.value and following and not following[0].value and not self.form.takes_any:
            following[0].focus()
        elif self.form.is_dangerous:
            self.query_one("#back").focus()
        else:
            self.send()

    @on(Button.Pressed, "#yes")
    def send(self) -> None:
        """Send what was typed, once."""
        if self._is_waiting:
            return
        why = self._send({field.id or "": field.value for field in self.query(Input)})
        for field in self.query(SecretField):
            field.value = ""
        if why:
            self.refuse(why)
            return
        self._is_waiting = True
        self._say(say(ASKING))

    @on(Button.Pressed, "#other")
    def action_other(self) -> None:
        """Do what else may be done."""
        if self._other is not None:
            self._other()

    @on(Button.Pressed, "#back")
    def action_back(self) -> None:
        """Leave it."""
        self.dismiss()
        if self._left is not None:
            self._left()

    def action_page(self, pages: int) -> None:
        """Show more, where there is no place for all."""
        scroll = self.query_one(VerticalScroll)
        scroll.scroll_relative(y=pages * max(1, scroll.size.height - 1), animate=False)
