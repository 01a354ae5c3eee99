"""What tests of accounts on chat-tui's screen have in common: who comes in, what forms are given, what is typed there."""

from pathlib import Path
from typing import Any

import canary
from chat_server.protocol.events import Event
from chat_tui.client.connection import ConnectionChanged, Status
from chat_tui.settings import Settings
from chat_tui.ui.screens.form import FormScreen
from stories import Pilot, StoryApp, conversation, settle

CANARY = canary.PASSWORD
RECOVERY = ("7K3M-Q9TZ-7K3M-Q9TZ-7K3M", "2HFA-WX4C-9KQR-5M1B-TTZ0")
WRONG = "Wrong name or password. Capitals count."


def everything() -> Event:
    """What a server says that has accounts."""
    from chat_server.config import Config, ServerTable  # noqa: PLC0415 - as in stories.py
    from chat_server.sessions.welcome import welcome_of  # noqa: PLC0415

    return welcome_of(Config(server=ServerTable(name="home")))


def among_others(theme: str = "chat-dark", store: Path | None = None) -> StoryApp:
    return StoryApp([*conversation(), everything()], settings=Settings(theme=theme), store=store)


def outside(theme: str = "chat-dark", store: Path | None = None) -> StoryApp:
    return StoryApp(is_online=False, settings=Settings(theme=theme), store=store)


async def refuse(app: StoryApp, pilot: Pilot, code: str, text: str = "", **more: Any) -> None:
    app.connection.status = Status.REFUSED
    app.connection_changed(ConnectionChanged(Status.REFUSED, text or code, code=code, asks_proof=True, **more))
    await settle(pilot)


async def go_on(app: StoryApp, pilot: Pilot, status: Status, why: str = "") -> None:
    app.connection.status = status
    app.connection_changed(ConnectionChanged(status, why))
    await settle(pilot)


async def filled(app: StoryApp, pilot: Pilot, *values: str) -> None:
    """Type these, each into a field, and Enter after each."""
    for value in values:
        await pilot.press(*(letter if letter != " " else "space" for letter in value), "enter")
        await settle(pilot)


def words(app: StoryApp) -> str:
    """What is on the screen, without frames and rows."""
    return app.words()


def is_form(app: StoryApp) -> bool:
    return isinstance(app.screen, FormScreen)


def sent(app: StoryApp) -> list[tuple[str, str]]:
    return [(pending.room, pending.text) for pending in app.client.store.unsent]
