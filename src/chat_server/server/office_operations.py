"""What operators may do to the server's moderation: who is an admin or a moderator, and panic. See admin_office.py.

Never knows the socket that a request came by, nor how an answer is shown.
"""

from collections.abc import Iterable

from chat_server.accounts.acts import NotEnacted, ServerAct
from chat_server.journal import JournalError
from chat_server.logs import log
from chat_server.protocol.names import OPERATOR, name_key
from chat_server.rooms.directory import Directory
from chat_server.rooms.person import Person
from chat_server.rooms.rights import judged
from chat_server.rooms.room import Occupant, Room
from chat_server.server.account_operations import Operation
from chat_server.server.admin import Impossible
from chat_server.server.admin_office import GiveRole, PanicShown, RoleGiven, SetPanic
from chat_server.server.admin_protocol import AdminAnswer, AdminRequest
from chat_server.wire.render.sentences import sentence


class OfficeOperations:
    """What can be asked for, by the type of the request, in `of`."""

    def __init__(self, directory: Directory[Room, Person[Occupant]]) -> None:
        self._directory = directory
        self.of: dict[type[AdminRequest], Operation] = {GiveRole: self._give_role, SetPanic: self._set_panic}

    async def _give_role(self, request: GiveRole, user: int) -> Iterable[AdminAnswer]:
        accounts = self._directory.accounts
        try:
            account = await accounts.find(name_key(request.name))
        except JournalError as error:
            raise Impossible(f"what is kept cannot be read just now: {error}") from error
        if account is None or account.state == "closed":
            raise Impossible(f"no account is called {request.name}: `chat-server admin accounts` lists them")
        role = "member" if request.role == "none" else request.role
        await self._enact(ServerAct("role-given", self._now(), OPERATOR, 0, account.name, account.id, text=role))
        log.info("an operator has given a role", nick=account.name, role=request.role, user=user)
        return (RoleGiven(account.name, request.role, account.role),)

    async def _set_panic(self, request: SetPanic, user: int) -> Iterable[AdminAnswer]:
        now = self._now()
        if request.minutes or (request.minutes == 0 and self._directory.accounts.acts.in_force.panic_seconds(now)):
            await self._enact(ServerAct("panic", now, OPERATOR, until=now + 60.0 * request.minutes))
            log.info("an operator has begun or ended a panic", minutes=request.minutes, user=user)
        return (PanicShown(self._directory.accounts.acts.in_force.panic_seconds(now)),)

    def _now(self) -> float:
        return self._directory.authentication.now()

    async def _enact(self, act: ServerAct) -> None:
        try:
            done = await self._directory.accounts.acts.enact(act, judged)
        except JournalError as error:
            raise Impossible(f"nothing was changed: it cannot be stored ({error})") from error
        if isinstance(done, NotEnacted):
            raise Impossible(sentence(done.code, {"nick": act.whom}))
