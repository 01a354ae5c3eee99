"""Actions by a few letters of what they are called; and themes, of which each is seen while it is marked. Never knows what an action does."""

from collections.abc import Callable, Collection, Mapping, Sequence

from textual.app import SystemCommand
from textual.content import Content

from chat_tui.client import completion
from chat_tui.language import say
from chat_tui.ui.list_pane import Item
from chat_tui.ui.screens.picking import PickScreen

ACTION_SCREEN = "actions"
"""The class of the screen where one finds those."""


def action_screen(commands: Collection[SystemCommand]) -> PickScreen:
    """What returns the title of one; the key of each, or what is typed for it, is its help."""
    items = {
        one.title: Item(one.title, Content(one.title), Content.styled(one.help, "$text-muted")) for one in commands
    }
    screen = PickScreen(say("Actions"), say("Search for actions …"), _by_letters(items), is_wide=True)
    screen.add_class(ACTION_SCREEN)
    return screen


def theme_screen(names: Sequence[str], now: str, preview: Callable[[str], object]) -> PickScreen:
    """What returns the name of one. `now` is the one that there is, and `preview` has another one on the screen."""
    is_now = Content.styled(say("now"), "$text-muted")
    items = {name: Item(name, Content(name), is_now if name == now else Content("")) for name in names}
    return PickScreen(say("Themes"), say("Search for themes …"), _by_letters(items), on_mark=preview)


def _by_letters(items: Mapping[str, Item]) -> Callable[[str], list[Item]]:
    return lambda letters: [items[title] for title in completion.fuzzy(letters, items)]
