"""Every action by its name, for the palette. Knows what runs actions; never knows what they do."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial

from textual.app import App, SystemCommand

from chat_tui.actions import ACTIONS, OF_A_LINE, Action, shown_key
from chat_tui.client.client import Client
from chat_tui.language import message, say
from chat_tui.ui.main_screen import MainScreen
from chat_tui.ui.moderating import Moderating

SIGNS = {
    "typing": message("Show who is writing, and when you are"),
    "receipts": message("Show how far people have read in conversations"),
}
"""What the server is asked to show or not, for the palette, by its command."""


def palette(
    app: App[None],
    client: Client,
    main: MainScreen,
    keys: Mapping[str, str],
    servers: Iterable[tuple[str, str, Callable[[], object]]],
) -> Iterator[SystemCommand]:
    """What the palette offers, each with its key or what is typed for it: `keys` that the user has chosen, and what is to be done about `servers`."""
    room = main.navigation.current
    for action in sorted(ACTIONS, key=lambda action: bool(action.number)):  # of rooms there are nine: they stand last
        if action.name != "palette" and (action.name != "moderate" or Moderating.is_for(room)):
            key = shown_key(keys.get(action.name, action.keys))
            yield SystemCommand(action.words, key, partial(app.call_later, _run, app, main, action))
    yield from _signs(client, main)
    for title, typed, run in servers:
        yield SystemCommand(title, typed, run)
    yield SystemCommand(say("Go back to the shell; fg goes on"), "", app.action_suspend_process)
    yield SystemCommand(say("Choose a theme"), "", app.action_change_theme)


def _signs(client: Client, main: MainScreen) -> Iterator[SystemCommand]:
    room = main.navigation.current

    def ask(command: str) -> None:
        client.submit(command, room.name if room else "", main.hearing.answered)

    for setting, title in SIGNS.items():
        value = "off" if client.state.chosen.get(setting) == "on" else "on"
        command = f"/{setting} {value}"
        yield SystemCommand(
            say("{title}: turn it on", title=say(title))
            if value == "on"
            else say("{title}: turn it off", title=say(title)),
            command,
            partial(ask, command),
        )


async def _run(app: App[None], main: MainScreen, action: Action) -> None:
    """Do what an action does; with a line that is chosen, whether its key would do it just now or not: then it says why not."""
    if action.name.startswith(OF_A_LINE):
        main.action_line(action.name.removeprefix(OF_A_LINE))
    else:
        await app.run_action(action.method, main)
