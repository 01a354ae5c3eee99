"""Under which name somebody says a line that waited for a moderator: what its author is called now, wherever they are.

Never knows what becomes of the line.
"""

from collections.abc import Sequence
from typing import ClassVar

from chat_server.accounts.cases import Case
from chat_server.commands.case_pages import NoSuchCase
from chat_server.commands.letting_in import readable
from chat_server.journal.nodes import Nodes, Whereabouts
from chat_server.protocol.events import Refused
from chat_server.protocol.names import name_key
from chat_server.rooms.case_news import authors
from chat_server.rooms.room import Room


class NameTakenSince(Refused, frozen=True):
    """Its author is not called so any more."""

    code: str = "name-taken-since"
    sentence: ClassVar[str] = (
        "Somebody else is called {nick} by now, so nothing is said under that name. /decline it, or wait."
    )


async def name_now(place: Room, case: Case) -> str | Refused:
    """What the author of a line that waits is called now, under which it is said; nobody says anything under a name that somebody else has now."""
    directory = place.directory
    if case.account:
        account = await readable(directory.accounts.account(case.account))
        if account is None:
            return NoSuchCase(details={"id": str(case.number)})
        return account if isinstance(account, Refused) else account.name
    if here := [person for person in authors(directory, case) if not person.account]:
        return here[0].nick
    key, taken = name_key(case.by), directory.person(case.by) is not None
    if directory.others is not None:
        there = await readable(_whereabouts(directory.others.nodes, case, key))
        if isinstance(there, Refused):
            return there
        if own := [one.nick for one in there if one.person in {case.who, case.sender}]:
            return own[-1]
        taken = taken or bool(there)
    taken = taken or bool(directory.accounts.names.holder(key))
    return NameTakenSince(details={"nick": case.by}) if taken else case.by


async def _whereabouts(nodes: Nodes, case: Case, key: str) -> Sequence[Whereabouts]:
    """Where the guest is who has said what is held, by their newest name at last; or else whoever has the name. Raises JournalError."""
    return await nodes.whereabouts_of([case.who or case.sender]) or await nodes.whereabouts(key)
