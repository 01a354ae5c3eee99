"""Codes that let one in, or somebody else: for another device, for whoever is invited, for the day on which a password is forgotten.

Never knows how a code is typed, nor where it is kept.
"""

from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from chat_server.accounts.authentication import DEVICE_SECONDS, INVITE_SECONDS
from chat_server.commands.access import Access, access, is_open_to
from chat_server.commands.asking import after_password, proved
from chat_server.commands.handler import CommandHandler
from chat_server.commands.letting_in import may_be_secret
from chat_server.journal import JournalError
from chat_server.protocol.events import CodeMade, Invited, RecoveryMade, Refused
from chat_server.protocol.requests import Request, Secret
from chat_server.rooms.person import ADMIN, HOLDER
from chat_server.rooms.room import MaybeAwaitable, Occupant, Room


class MakeCode(Request, frozen=True, gc=False, tag="code"):
    """Make a code."""

    purpose: Annotated[
        Literal["device", "invite", "recovery"],
        Meta(
            description="device: to log in somewhere else; invite: for somebody who is to register; recovery: new recovery codes"
        ),
    ]
    password: Secret = ""

    def __repr__(self) -> str:
        return f"MakeCode(purpose={self.purpose!r})"


class AdminsInvite(Refused, frozen=True):
    """Only admins may invite."""

    code: str = "admins-invite"
    sentence: ClassVar[str] = "Only admins invite here. Ask one of them."


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

    @access(role=HOLDER, refusal=lambda _: AccountNeeded())
    def do_code(self, place: Room, session: Occupant, request: MakeCode) -> MaybeAwaitable:
        """Make a code that is good once.

        /code device: you log in by it somewhere else, within ten minutes, also where no password may be typed.
        /code invite: somebody whom you tell it makes an account by it.
        /code recovery: two new ones for when you forget your password; the earlier ones end. You are asked for the password.
        """
        if request.purpose == "recovery":
            return _ask_for_recovery(place, session, request.password)
        policy = place.directory.authentication.policy
        is_admin = is_open_to(Access(role=ADMIN), session.person.role)
        if request.purpose == "invite" and policy.invitations == "admins" and not is_admin:
            session.send(AdminsInvite())
            return None
        if request.purpose == "invite" and policy.registration == "closed":
            session.send(NobodyRegisters())
            return None
        return _make_code(place, session, request.purpose)


def _ask_for_recovery(place: Room, session: Occupant, password: str) -> MaybeAwaitable:
    if not may_be_secret(session):
        return None
    if session.has_terminal:
        return after_password(place, session, lambda: _make_recovery(place, session))
    return proved(place, session, password, lambda: _make_recovery(place, session))


async def _make_recovery(place: Room, session: Occupant) -> None:
    try:
        made = await place.directory.authentication.new_recovery(session.person.account)
    except JournalError:
        made = Refused("cannot-store")
    session.send(made if isinstance(made, Refused) else RecoveryMade(tuple(code.shown for code in made)))


async def _make_code(place: Room, session: Occupant, purpose: Literal["device", "invite"]) -> None:
    try:
        made = await place.directory.authentication.new_code(purpose, session.person.account)
    except JournalError:
        made = Refused("cannot-store")
    if isinstance(made, Refused):
        session.send(made)
    elif purpose == "device":
        session.send(CodeMade(session.nick, made.shown, int(DEVICE_SECONDS // 60)))
    else:
        session.send(Invited(made.shown, int(INVITE_SECONDS // 3600)))
