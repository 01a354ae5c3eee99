"""Codes that let one in, or somebody else: for another device, for whoever is invited, for the day on which a password is forgotten.

Never knows how a code is typed, nor where it is kept.
"""

from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from chat_server.accounts.issuing import DEVICE_SECONDS, INVITE_SECONDS
from chat_server.commands.access import Access, access, is_open_to
from chat_server.commands.asking import after_password, proved
from chat_server.commands.handler import CommandHandler
from chat_server.commands.letting_in import may_be_secret
from chat_server.journal import JournalError
from chat_server.protocol.code_events import CodeMade, Invited, RecoveryMade
from chat_server.protocol.events import Answered, Refused
from chat_server.protocol.names import NAME_MAX, BadName, parse_name
from chat_server.protocol.requests import Id, Request, Secret
from chat_server.protocol.syntax import usage_of, wrong_usage
from chat_server.protocol.typed import Misuse, shortened, unexpected
from chat_server.rooms.known_rooms import formerly_known, known_room
from chat_server.rooms.person import ADMIN, HOLDER
from chat_server.rooms.room import MaybeAwaitable, Occupant, Room

DAYS_MAX = 3650
"""Days for which a bot's token may be good, if not for ever."""

BOT_ROOMS_MAX = 20
"""Rooms to which one may be limited."""

EVERY_ROOM = "*"


class MakeCode(Request, frozen=True, gc=False, tag="code"):
    """Make a code."""

    purpose: Annotated[
        Literal["device", "invite", "recovery", "bot"],
        Meta(
            description="device: to log in somewhere else; invite: for somebody who is to register; recovery: new recovery codes;"
            " bot: a token for a program that talks by itself"
        ),
    ]
    name: Annotated[str, Meta(description="what the bot is called among your devices")] = ""
    rooms: Annotated[
        str,
        Meta(
            description="the rooms that the bot may be in, with commas between them; *: every room",
            extra={"longest": BOT_ROOMS_MAX * (NAME_MAX + 1)},
        ),
    ] = ""
    days: Annotated[int, Meta(ge=1, le=DAYS_MAX, description="how many days its token is good")] | None = None
    password: Secret = ""

    @property
    def asks_secret(self) -> bool:
        """For recovery codes only."""
        return self.purpose == "recovery"

    def __repr__(self) -> str:
        return f"MakeCode(purpose={self.purpose!r})"


class BotMade(Answered, frozen=True):
    """The receiver has a token by which a program logs in for them, until /drop with this number. It is not shown again."""

    sentence: ClassVar[str] = (
        "The bot {name} logs in by this token, which is not shown again: {token}. /devices lists it, /drop {number} ends it."
    )

    name: str
    token: str
    number: Id


class OwnersInvite(Refused, frozen=True):
    """Only owners may invite."""

    code: str = "owners-invite"
    sentence: ClassVar[str] = "Only owners invite here. Ask one of them."


class AccountNeeded(Refused, frozen=True):
    """Only who has an account may do this."""

    code: str = "account-needed"
    sentence: ClassVar[str] = "That is for people with an account. /register makes one of your nickname."


class NobodyRegisters(Refused, frozen=True):
    """No accounts are made."""

    code: str = "registration-closed"
    sentence: ClassVar[str] = "No accounts are made here by /register. Ask whoever runs the server."


class CodeCommands(CommandHandler):
    """To make codes."""

    @access(role=HOLDER, refusal=lambda _: AccountNeeded(), asks_engine=True)
    def do_code(self, place: Room, session: Occupant, request: MakeCode) -> MaybeAwaitable:
        """Make a code or token.

        A code is good once; a token is for a bot.
        /code device: you log in by it somewhere else, within ten minutes, also where no password may be typed.
        /code invite: somebody whom you tell it makes an account by it.
        /code recovery: two new ones for when you forget your password; the earlier ones end. You are asked for the password.
        /code bot NAME python,dev 30: a program logs in as you by this token, in these rooms only, for thirty days. What it says is marked.
        Without rooms or days: everywhere, until you drop it.
        """
        if request.purpose == "bot":
            return _ask_for_bot(place, session, request)
        if request.name:
            _say_misused(session, unexpected(request.name))
            return None
        if request.purpose == "recovery":
            return _ask_for_recovery(place, session, request.password)
        policy = place.directory.authentication.policy
        is_admin = is_open_to(Access(role=ADMIN), session.person.role)
        if request.purpose == "invite" and policy.invitations == "owners" and not is_admin:
            session.send(OwnersInvite())
            return None
        if request.purpose == "invite" and policy.registration == "closed":
            session.send(NobodyRegisters())
            return None
        return _make_code(place, session, request.purpose)


def _say_misused(session: Occupant, misuse: Misuse) -> None:
    wrong = wrong_usage(usage_of(MakeCode), misuse)
    session.send(Refused(wrong.code, wrong.details))


def _ask_for_bot(place: Room, session: Occupant, request: MakeCode) -> MaybeAwaitable:
    if not request.name:
        _say_misused(session, Misuse("usage-missing", {"field": "name"}))
        return None
    if not may_be_secret(session):
        return None
    try:
        name = parse_name(request.name)
        rooms = _limits(place, session, request.rooms)
    except BadName as error:
        session.send(Refused(error.code, error.details))
        return None
    if isinstance(rooms, Refused):
        session.send(rooms)
        return None
    return _make_bot(place, session, name, rooms, request.days)


def _limits(place: Room, session: Occupant, typed: str) -> tuple[str, ...] | Refused | None:
    """The rooms to which a bot is to be limited, as they are called; None: to none."""
    if typed in ("", EVERY_ROOM):
        return None
    names = typed.split(",")
    if len(names) > BOT_ROOMS_MAX:
        return Refused("too-many-rooms", {"limit": str(BOT_ROOMS_MAX)})
    rooms = {name: known_room(place, session, name) or formerly_known(place, session, name) for name in names}
    missing = next((name for name, room in rooms.items() if room is None), None)
    if missing is not None:
        return Refused("no-such-room", {"room": shortened(missing)})
    return tuple(dict.fromkeys(room.name for room in rooms.values() if room is not None))


async def _make_bot(place: Room, session: Occupant, name: str, rooms: tuple[str, ...] | None, days: int | None) -> None:
    try:
        made = await place.directory.authentication.issuer.new_bot(session.person.account, name, rooms, days)
    except JournalError:
        made = Refused("cannot-store")
    session.send(made if isinstance(made, Refused) else BotMade(name, made.token, made.device.id))


def _ask_for_recovery(place: Room, session: Occupant, password: str) -> MaybeAwaitable:
    if not may_be_secret(session):
        return None
    if session.has_terminal:
        return after_password(place, session, lambda: _make_recovery(place, session))
    return proved(place, session, password, lambda: _make_recovery(place, session))


async def _make_recovery(place: Room, session: Occupant) -> None:
    try:
        made = await place.directory.authentication.issuer.new_recovery(session.person.account)
    except JournalError:
        made = Refused("cannot-store")
    session.send(made if isinstance(made, Refused) else RecoveryMade(tuple(code.shown for code in made)))


async def _make_code(place: Room, session: Occupant, purpose: Literal["device", "invite"]) -> None:
    try:
        made = await place.directory.authentication.issuer.new_code(purpose, session.person.account)
    except JournalError:
        made = Refused("cannot-store")
    if isinstance(made, Refused):
        session.send(made)
    elif purpose == "device":
        session.send(CodeMade(session.nick, made.shown, int(DEVICE_SECONDS // 60)))
    else:
        session.send(Invited(made.shown, int(INVITE_SECONDS // 3600)))
