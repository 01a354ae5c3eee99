"""What one has to do with other people, wherever they are: whom one does not want to hear.

Whom somebody has blocked, and what they are shown then, is in rooms/blocking.py. Never knows how anybody is shown anything.
"""

from functools import partial
from typing import ClassVar

from chat_server.commands.access import access
from chat_server.commands.acting import Nick, NoSuchPerson
from chat_server.commands.chosen import note_block, tell_block
from chat_server.commands.direct_places import with_peer_anywhere
from chat_server.commands.handler import CommandHandler
from chat_server.protocol.events import Answered, Refused
from chat_server.protocol.names import name_key
from chat_server.protocol.requests import Request
from chat_server.protocol.typed import shortened
from chat_server.rooms.blocking import BLOCKS_MAX
from chat_server.rooms.conversations import conversations_of
from chat_server.rooms.peers import Peer
from chat_server.rooms.room import MaybeAwaitable, Occupant, Room


class Block(Request, frozen=True, gc=False):
    """Be shown nothing more of what somebody says, or ask whom one has blocked."""

    group: ClassVar[str] = "talking"
    aliases: ClassVar[tuple[str, ...]] = ("ignore",)
    nick: Nick = ""


class Unblock(Request, frozen=True, gc=False):
    """Be shown again what somebody says."""

    group: ClassVar[str] = "talking"
    aliases: ClassVar[tuple[str, ...]] = ("unignore",)
    nick: Nick


class PersonBlocked(Answered, frozen=True):
    """The receiver is shown nothing more of what somebody says, at any of their devices. Nobody is told."""

    sentence: ClassVar[str] = (
        "You see nothing more of what {nick} says, but its number. They are not told. /unblock {nick} ends that."
    )

    nick: str


class GuestBlocked(Answered, frozen=True):
    """The same, of somebody without an account, for as long as they are here."""

    sentence: ClassVar[str] = (
        "You see nothing more of what {nick} says, but its number, until they leave: they have no account. /unblock {nick} ends that."
    )

    nick: str


class PersonUnblocked(Answered, frozen=True):
    """The receiver is shown again what somebody says."""

    sentence: ClassVar[str] = "You see again what {nick} says."

    nick: str


class BlocksShown(Answered, frozen=True, tag="blocks"):
    """Whom the receiver has blocked."""

    sentence: ClassVar[str] = "You have blocked: {nicks}. /unblock NAME ends that."

    nicks: tuple[str, ...]


class NobodyBlocked(Answered, frozen=True):
    """The receiver has blocked nobody."""

    sentence: ClassVar[str] = "You have blocked nobody. /block NAME hides what somebody says."


class NotBlocked(Refused, frozen=True):
    """Somebody is not blocked."""

    code: str = "not-blocked"
    sentence: ClassVar[str] = "You have not blocked anybody called {nick}. /block shows whom you have."


class BlocksSelf(Refused, frozen=True):
    """Nobody blocks themselves."""

    code: str = "blocks-self"
    sentence: ClassVar[str] = "That is you."


class BlockedAlready(Refused, frozen=True):
    """Somebody is blocked already."""

    code: str = "blocked-already"
    sentence: ClassVar[str] = "You have blocked {nick} already. /unblock {nick} ends that."


class TooManyBlocks(Refused, frozen=True):
    """Nobody blocks more."""

    code: str = "too-many-blocks"
    sentence: ClassVar[str] = "You can block {limit} people at most. /block shows whom you have, /unblock NAME ends it."


class PeopleCommands(CommandHandler):
    """To choose whom one hears."""

    @access(bots=False)
    def do_block(self, place: Room, session: Occupant, request: Block) -> MaybeAwaitable:
        """See nothing more of what somebody says.

        In every room, and at all your devices; they are not told. Only the number of each line is left. Without a name: show whom you have blocked.
        """
        if not request.nick:
            blocked = blocked_names(place, session)
            session.send(BlocksShown(blocked) if blocked else NobodyBlocked())
            return None
        return _block(place, session, request.nick)

    @access(bots=False)
    def do_unblock(self, place: Room, session: Occupant, request: Unblock) -> MaybeAwaitable:
        """See again what somebody says whom you have blocked."""
        person, names = session.person, place.directory.accounts.names
        key = name_key(request.nick)
        account = next((one for one in person.blocks.accounts if name_key(names.name_of(one)) == key), 0)
        if account:
            place.directory.guest_blocks.unblock(person, request.nick)  # what they have said as a guest
            return note_block(place, session, account, PersonUnblocked(names.name_of(account)), is_blocked=False)
        if key in person.blocks.guests or key in person.blocks.spans:
            who = place.directory.guest_blocks.who_has(key)
            place.directory.guest_blocks.unblock(person, request.nick)
            tell_block(place.directory, person, who, key, is_blocked=False)
            session.send(PersonUnblocked(shortened(request.nick)))
            return None
        session.send(NotBlocked(details={"nick": shortened(request.nick)}))
        return None


def blocked_names(place: Room, session: Occupant) -> tuple[str, ...]:
    """What those are called whom somebody has blocked, in that order."""
    directory, blocks = place.directory, session.person.blocks
    guests = (person.nick if (person := directory.person(key)) is not None else key for key in blocks.guests)
    return tuple(sorted({*map(directory.accounts.names.name_of, blocks.accounts), *guests} - {""}, key=name_key))


def _block(place: Room, session: Occupant, nick: str) -> MaybeAwaitable:
    peer = conversations_of(place.directory).peer(nick)
    if peer is None and place.directory.is_engine_away:
        session.send(Refused("engine-away"))
        return None
    if peer is None and place.directory.nodes is not None:
        return with_peer_anywhere(place, session, nick, partial(_block_peer, place, session, nick))
    return _block_peer(place, session, nick, peer)


def _block_peer(place: Room, session: Occupant, nick: str, peer: Peer | None) -> MaybeAwaitable:
    """Block who was named so; None: nobody is called so."""
    is_gone = peer is None or (peer.guest is not None and not peer.guest.sessions)
    called, account = ("", 0) if peer is None or is_gone else (peer.nick, peer.account)
    person = session.person
    refusal: Refused | None = None
    if not called:
        refusal = NoSuchPerson(details={"nick": shortened(nick)})
    elif account == person.account if account else name_key(called) == name_key(person.nick):
        refusal = BlocksSelf()
    elif person.blocks.hide(account, called):
        refusal = BlockedAlready(details={"nick": called})
    elif len(person.blocks.everybody) >= BLOCKS_MAX:
        refusal = TooManyBlocks(details={"limit": str(BLOCKS_MAX)})
    if refusal is not None:
        session.send(refusal)
        return None
    if account:
        return note_block(place, session, account, PersonBlocked(called), is_blocked=True)
    session.send(GuestBlocked(called))
    who = peer.who if peer is not None and place.directory.nodes is not None else ""
    before = peer.guest.called if peer is not None and peer.guest is not None else ()
    place.directory.guest_blocks.block(person, called, who, before)
    tell_block(place.directory, person, who, called, is_blocked=True)
    return None
