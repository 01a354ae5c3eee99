"""The rooms that are offered to somebody who is in none: Up and Down choose one, and Enter enters it. Never knows how they look."""

from chat_tui.client.state import State
from chat_tui.ui import labels
from chat_tui.ui.navigation import Navigation
from chat_tui.ui.panes import Panes


def took(key: str, navigation: Navigation, panes: Panes, state: State) -> bool:
    """Do what the key is for. Returns False if no room is offered: it means something else then."""
    offered = labels.offered(state) if navigation.is_nowhere else []
    if not offered:
        return False
    at = offered.index(panes.offered) if panes.offered in offered else 0
    if key == "enter":
        navigation.enter(offered[at])
    else:
        panes.offered = offered[max(0, min(len(offered) - 1, at + (1 if key == "down" else -1)))]
    return True
