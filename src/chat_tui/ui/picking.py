"""To have the user pick one of several things by a few letters, over whatever is on the screen. Never knows what they are."""

from collections.abc import Callable

from textual.screen import Screen

from chat_tui.ui.list_pane import Item


def pick(
    screen: Screen[None],
    heading: str,
    placeholder: str,
    find: Callable[[str], list[Item]],
    then: Callable[[str], object],
) -> None:
    """Ask for one; `then` is given its key, unless the user gives up. `find` gives those that have some letters."""
    from chat_tui.ui.screens.picking import PickScreen  # noqa: PLC0415 - who asks pays

    def picked(key: str | None) -> None:
        if key:
            then(key)

    screen.app.push_screen(PickScreen(heading, placeholder, find), picked)
