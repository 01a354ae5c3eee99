"""All servers of the program: which of them is on the screen, which may ask something, how one more comes and one goes.

Knows each as a whole. Never knows what is said there.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

from textual.app import App

from chat_tui.language import say
from chat_tui.settings import DEFAULT_PORT, Profile, parse_address
from chat_tui.ui.main_screen import MainScreen
from chat_tui.ui.program import Group
from chat_tui.ui.seat import Seat
from chat_tui.ui.server import OpenStore, Server, Wanted, Window


def by_address(open_store: OpenStore, text: str) -> Wanted:
    """A server by its address. Raises SettingsError."""
    host, port = parse_address(text)
    return Wanted(Profile(host, port), open_store)


class Servers:
    """One or more, in their order."""

    def __init__(
        self,
        window: Window,
        app: App[None],
        main: MainScreen,
        wanted: Sequence[Wanted],
        *,
        find: Callable[[str], Wanted],
    ) -> None:
        """Connect nowhere yet.

        Args:
            window: the program as a whole.
            app: where dialogs open.
            main: the screen with the panes.
            wanted: at least one; the first is on the screen.
            find: finds one more by a profile's name or an address, or raises SettingsError.

        """
        self._window, self._app, self._main = window, app, main
        self._find = find
        self._all: list[Server] = []
        for one in wanted:
            self._all.append(Server(window, app, main, self, wanted=one, nick=wanted[0].profile.nick))
        self.shown = self._all[0]
        """The one on the screen."""

    def __iter__(self) -> Iterator[Server]:
        """All of them."""
        return iter(self._all)

    def begin(self, warnings: Iterable[str]) -> None:
        """Connect."""
        for server in self._all:
            server.sit_down()
        self._main.sit_down(self.shown.seat)
        for warning in warnings:
            self.shown.warn(warning)
        for server in self._all:
            self._window.start(server)

    def save(self) -> None:
        """Write everything down."""
        for server in self._all:
            server.client.store.save()

    def close(self) -> None:
        """Write everything down, and let other programs have the files."""
        for server in self._all:
            server.client.close()

    def seats(self) -> list[Seat]:
        """Where the user sits at each."""
        return [server.seat for server in self._all]

    def groups(self) -> list[Group]:
        """All of them, as the list of rooms shows them."""
        return [
            Group(server.name, server.change, client.state, server is self.shown, client.saved.drafts)
            for server in self._all
            for client in (server.client,)
        ]

    def show(self, server: Server) -> None:
        """Have a server on the screen; it asks there what it has waited to ask."""
        if server is not self.shown:
            self._main.stand_up()
            self.shown = server
            self._main.sit_down(server.seat)
            server.connecting.ask_in_turn()

    # Asking: one at a time.

    def may_ask(self, server: Server, *, is_question: bool) -> bool:
        """Whether a server may open a dialog: no other has one open; and one that is not on the screen disturbs nobody who writes.

        That it cannot be reached is no question, and stands in the list of rooms.
        """
        if any(other.connecting.is_asking for other in self._all if other is not server):
            return False
        return server is self.shown or (is_question and self._main.is_active and not self._main.panes.prompt.text)

    def let_ask(self) -> None:
        """Have the servers ask that have waited for it, while they may: the one on the screen first."""
        for server in (self.shown, *self._all):
            server.connecting.ask_in_turn()

    # One more, one less.

    def connect_too(self, text: str) -> None:
        """Connect to one more server, by its profile's name or its address, and go there; "": ask for it. Raises SettingsError."""
        if text:
            self._add(self._find(text))
        else:
            self._ask_for_one_more()

    def _ask_for_one_more(self) -> None:
        """Ask for one more server."""
        from chat_tui.ui.screens.connecting import ConnectScreen, Target  # noqa: PLC0415 - who asks pays

        def answered(target: Target | None) -> None:
            if target is not None:
                wanted = self._find(
                    f"[{target.host}]:{target.port}" if ":" in target.host else f"{target.host}:{target.port}"
                )
                self._add(wanted._replace(profile=Profile(target.host, target.port, target.nick)))

        target = Target("", DEFAULT_PORT, self.shown.client.connection.identity.nick)
        why = say("{server} stays; the other stands beside it.", server=self.shown.name)
        self._app.push_screen(ConnectScreen(target, why, server=say("one more server")), answered)

    def _add(self, wanted: Wanted) -> None:
        """Have one more server, and go there; or to the one that is there already."""
        for server in self._all:
            connection = server.client.connection
            where = (wanted.profile.host, wanted.profile.port)
            if (connection.host, connection.port) == where and wanted.name in ("", server.wanted.name):
                self.show(server)
                return
        nick = self.shown.client.connection.identity.nick
        server = Server(self._window, self._app, self._main, self, wanted=wanted, nick=nick)
        server.sit_down()
        self._all.append(server)
        self.show(server)
        self._window.start(server)

    def disconnect(self, server: Server, why: str = "") -> None:
        """Leave a server; the others stay."""
        if server not in self._all:
            return
        if len(self._all) == 1:
            self._window.say_shortly(say("This is the only server. Ctrl+Q quits."))
            return
        at, name = self._all.index(server), server.name
        if server is self.shown:
            self.show(self._all[at - 1 if at else 1])
        self._all.remove(server)
        server.stop()
        self._app.notify(why or say("You have left {server}.", server=name), markup=False)
        self._main.paint_soon()

    def choices(self) -> list[tuple[str, str, Callable[[], object]]]:
        """What the palette offers: what it is called, what is typed for it, and what does it."""
        found: list[tuple[str, str, Callable[[], object]]] = [
            (say("Connect to one more server"), "/connect", self._ask_for_one_more)
        ]
        open_ones = {server.wanted.name for server in self._all}
        for name in self._window.settings.profiles:
            if name not in open_ones:
                title = say("Connect to {server} too", server=name)
                found.append((title, f"/connect {name}", partial(self.shown.change_servers, "connect", name)))
        if len(self._all) > 1:
            for server in self._all:
                title = say("Leave {server}", server=server.name)
                found.append((title, "/disconnect" if server is self.shown else "", partial(self.disconnect, server)))
        return found
