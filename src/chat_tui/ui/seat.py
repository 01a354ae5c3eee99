"""Where the user sits at one server: the room that is seen there, what is heard and written there. One of them is on the screen.

Puts together what the main screen does at a server; never knows a key.
"""

from collections.abc import Callable, Mapping, Sequence

from textual.screen import Screen

from chat_tui.ui.answering import Answering
from chat_tui.ui.chosen_line import ChosenLine
from chat_tui.ui.doing import Doing
from chat_tui.ui.hearing import Hearing
from chat_tui.ui.jumping import Jumping
from chat_tui.ui.moderating import Moderating
from chat_tui.ui.navigation import Navigation
from chat_tui.ui.offered_rooms import took
from chat_tui.ui.panes import Panes
from chat_tui.ui.program import Program
from chat_tui.ui.room_options import RoomOptions
from chat_tui.ui.room_search import RoomSearch
from chat_tui.ui.searching import Searching
from chat_tui.ui.showing import Showing
from chat_tui.ui.splitting import Splitting
from chat_tui.ui.writing import Writing


class Seat:
    """One for each server."""

    def __init__(
        self,
        program: Program,
        screen: Screen[None],
        panes: Panes,
        *,
        paint_soon: Callable[[], None],
        come_here: Callable[[], None],
        all_seats: Callable[[], "Sequence[Seat]"],
    ) -> None:
        """Sit down at a server that is not on the screen yet.

        Args:
            program: the program, as this server has it.
            screen: what other screens open over.
            panes: where all of it is shown.
            paint_soon: has what has changed painted.
            come_here: puts this server on the screen.
            all_seats: those at all servers, in their order.

        """
        self.program, self._panes, self._paint_soon = program, panes, paint_soon
        self.is_shown = False
        """Whether it is this server that is on the screen."""
        self.navigation = Navigation(
            program,
            screen,
            panes,
            paint_soon=paint_soon,
            on_show=self._search_again,
            is_shown=lambda: self.is_shown,
            come_here=come_here,
            everywhere=lambda: [seat.navigation for seat in all_seats()],
        )
        self.hearing = Hearing(program, screen.app, panes, self.navigation, paint_soon=paint_soon)
        self.showing = Showing(program, screen, panes, self.navigation, paint_soon=paint_soon)
        self.writing = Writing(program, screen, panes, self.hearing, own=self._do)
        self.answering = Answering(program, panes, self.navigation, self.writing)
        self.lines = ChosenLine(program, screen, panes, self.navigation, self.answering)
        moderating = Moderating(program, screen, self.navigation)
        options = RoomOptions(program, screen, panes, self.navigation, paint_soon=paint_soon)
        self.doing = Doing(
            navigation=self.navigation,
            showing=self.showing,
            writing=self.writing,
            moderating=moderating,
            options=options,
            jumping=Jumping(screen, self.navigation),
            splitting=Splitting(program, screen, panes, self.navigation, paint_soon=paint_soon),
            program=program,
            paint_soon=paint_soon,
        )
        search = RoomSearch(program, later=screen.set_timer, tell=panes.bar.tell)
        self.searching = Searching(search, panes, self.navigation)

    def offer_rooms(self) -> None:
        """Have keys choose among those that are offered here while one is in none."""
        self._panes.offered, self._panes.prompt.when_empty = "", self._took

    def _took(self, key: str) -> bool:
        self._paint_soon()
        return took(key, self.navigation, self._panes, self.program.client.state)

    def submit(self, text: str) -> None:
        """Do what was typed. Who sees no room yet means the one where they are by now."""
        if self.navigation.current is None:
            self.navigation.arrive()
        room = self.navigation.current
        if not self.answering.submit(text, room):
            self.writing.submit(text, room)

    def tick(self) -> None:
        """A second has passed."""
        self.writing.early.tick()
        self.go_on()

    def go_on(self) -> None:
        """Do what was typed before the user was let in, if they are by now."""
        self.navigation.note_early()
        self.writing.early.go_on(lambda line: self.writing.submit(line, self.navigation.current), self.writing.asks)

    def _search_again(self) -> None:
        self.searching.again()

    def _do(self, what: str, fields: Mapping[str, object]) -> None:
        self.doing.do(what, fields)
