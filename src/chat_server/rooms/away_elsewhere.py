"""What nodes tell each other of guests who are away; and who with an account is, and was before this node began.

Of an account the engine keeps it, and every node hears when it is chosen otherwise. Of a guest only their own node knows, and says so by signs: again
now and then, for one may be lost, and nodes begin. Never knows who is told that somebody is away.
"""

import trio

from chat_server.guard import Guard
from chat_server.journal import JournalError
from chat_server.journal.happened import PersonId
from chat_server.journal.nodes import Nodes
from chat_server.journal.signs import GuestAway
from chat_server.protocol.names import name_key
from chat_server.rooms.away import AWAY_MAX, AwayGuest
from chat_server.rooms.directory import Directory
from chat_server.rooms.person import Person, person_id
from chat_server.rooms.room import Occupant, Room

TELL_SECONDS = 1.0
"""Seconds from one look to the next at which guests here are away."""

AGAIN_SECONDS = 60.0
"""Seconds after which it is told again of each."""

FORGOTTEN_SECONDS = 180.0
"""Seconds after which it is not so any more of a guest of whom it was not told again."""

TOLD_AT_ONCE = 16
"""Guests of whom it is told at a time: a quarter of the signs that may wait."""

GUESTS_MAX = 1000
"""Guests at other nodes of whom it is remembered."""

ASKED_PAUSE = 0.02
"""Seconds from one account of which it is asked to the next."""

UNANSWERED_PAUSE = 2.0
"""Seconds after which it is asked again where the engine did not answer."""


class AwayElsewhere:
    """Tells the other nodes which guests of this one are away, and takes in what they tell."""

    def __init__(self, directory: Directory[Room, Person[Occupant]], nodes: Nodes) -> None:
        """Nothing has been told, nor heard."""
        self._directory = directory
        self._nodes = nodes
        self._told: dict[PersonId, tuple[str, str, float]] = {}
        self._heard: dict[PersonId, tuple[AwayGuest, float]] = {}

    async def run(self) -> None:
        """Tell the others, for ever."""
        guard = Guard("the other nodes could not be told who is away")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._ask_of_accounts)
            while True:
                await trio.sleep(TELL_SECONDS)
                with guard:
                    self._tell()
                    self._forget_silent()

    def _tell(self) -> None:
        guests = [one for one in self._directory.calls.away_guests.values() if isinstance(one, Person)]
        here = {person_id(one, self._nodes.number): (one.nick, one.away) for one in guests if one.away is not None}
        self._directory.away.guests_here = {who: away for who, (_, away) in here.items()}
        again = trio.current_time() - AGAIN_SECONDS
        to_tell = [who for who in self._told if who not in here]
        to_tell += [who for who, now in here.items() if self._told.get(who, ("", "", 0.0))[:2] != now]
        to_tell += [
            who for who, told in self._told.items() if told[2] <= again
        ]  # last: of a thousand this alone takes a minute
        for who in [*dict.fromkeys(to_tell)][:TOLD_AT_ONCE]:
            nick, away = here.get(who, (self._told[who][0] if who in self._told else "", None))
            self._nodes.signs.tell(GuestAway(who, nick, away))
            self._told.pop(who, None)
            if away is not None:
                self._told[who] = nick, away, trio.current_time()

    # What others tell.

    def heard(self, told: GuestAway) -> None:
        """A guest at another node is away, or is so no longer."""
        self._forget(told.person)
        if told.away is None or len(told.away) > AWAY_MAX or len(self._heard) >= GUESTS_MAX:
            return
        guest = AwayGuest(told.person, told.nick, told.away)
        self._heard[told.person] = guest, trio.current_time()
        guests = self._directory.calls.away_guests
        if not isinstance(guests.get(name_key(told.nick)), Person):  # who has the name here has taken it since
            guests[name_key(told.nick)] = guest
        self._directory.away.guests_elsewhere[told.person] = told.away

    def _forget(self, who: PersonId) -> None:
        guest, _ = self._heard.pop(who, (None, 0.0))
        self._directory.away.guests_elsewhere.pop(who, None)
        guests = self._directory.calls.away_guests
        key = name_key(guest.nick) if guest is not None else ""
        if key and guests.get(key) is guest:  # else somebody else has the name by now
            del guests[key]

    def _forget_silent(self) -> None:
        now = trio.current_time()
        for who in [who for who, (_, at) in self._heard.items() if now - at > FORGOTTEN_SECONDS]:
            self._forget(who)

    async def _ask_of_accounts(self) -> None:
        """Find out who is in rooms at other nodes and was away before this one began."""
        away, guard = self._directory.away, Guard("it could not be found out who is away at other nodes")
        while away.unknown:
            await trio.sleep(ASKED_PAUSE)
            account = away.unknown.pop()
            with guard:
                try:
                    found = await self._directory.accounts.account(account)
                except JournalError:
                    away.unknown.add(account)
                    await trio.sleep(UNANSWERED_PAUSE)
                    continue
                away.note(account, found.choices if found is not None else {})
