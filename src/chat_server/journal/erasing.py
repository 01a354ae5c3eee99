"""What becomes of lines when their author's account has ended, or when they are deleted: other names, and no texts. Pure."""

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from chat_server.journal.batch_codec import Stored, Unknown
from chat_server.protocol.acts import AdminCame, MemberInvited, MemberJoined, RoleGiven, RuleSet
from chat_server.protocol.amending import Deleted, Reacted, Reaction, Redacted, reaction_of
from chat_server.protocol.amendments import after
from chat_server.protocol.entries import Amending, Spoken
from chat_server.protocol.filtering import FilterSet, WordSet
from chat_server.protocol.room_life import NameSet
from chat_server.protocol.room_state import called, read, written

ERASED_TEXT = "[erased]"
"""What stands in the place of a text that has been erased."""

_SAYING_WHAT = (
    *(RuleSet, RoleGiven, WordSet, FilterSet, Redacted, Deleted, MemberInvited, MemberJoined, AdminCame),
    *(NameSet, Reacted),
)
"""Their text is a word of ours, or there is none."""

_raw_list = msgspec.json.Decoder(list[Raw])


def concerns(line: Stored, account: int) -> bool:
    """Whether the line is the account's, says what was done to it, or has been reacted to by it."""
    if line.author == account or (account != 0 and getattr(line, "account", 0) == account):
        return True
    return account != 0 and isinstance(line, Spoken) and any(account in one.accounts for one in line.reactions)


def rewritten(line: Stored, account: int, nick: str, *, is_erased: bool) -> Stored:
    """The line, if it is the account's, under this name and, if it is erased, without its text; one about the account names it so.

    Another is as it is.
    """
    if isinstance(line, Unknown):
        return replace(line, entry=_entry(line.entry, nick, is_erased=is_erased)) if line.author == account else line
    if isinstance(line, Spoken) and line.reactions and concerns(line, account):
        line = replace(line, reactions=tuple(_named(one, account, nick) for one in line.reactions))
    if account != 0 and getattr(line, "account", 0) == account:
        line = replace(line, whom=nick)
    if line.author != account:
        return line
    says_what = isinstance(line, _SAYING_WHAT)
    if isinstance(line, Reacted) and line.called:
        line = replace(line, called=nick)
    if is_erased and not says_what and not line.text:
        says_what = True  # it stands in another place, or was deleted
    return replace(line, nick=nick, text=line.text if says_what or not is_erased else ERASED_TEXT)


def _named(reaction: Reaction, account: int, nick: str) -> Reaction:
    return reaction_of(reaction.sign, [(nick if whose == account else one, whose) for one, whose in reaction.people])


def amended_after(line: Stored, entry: Amending) -> Stored:
    """The line, as it is after the entry: of a kind that this release does not know, it is as it was."""
    return line if isinstance(line, Unknown) else after(line, entry)


def state_without(text: str, account: int, nick: str) -> str:
    """What follows from a room's log (`room_state.written`), where the account is called so. Raises ValueError."""
    return written(called(read(text), account, nick))


def _entry(entry: bytes, nick: str, *, is_erased: bool) -> bytes:
    """An entry of a kind that this release does not know: it keeps its kind. What has not the form of one cannot keep anything."""
    try:
        _, text, kind, *more = _raw_list.decode(entry)
    except (msgspec.DecodeError, ValueError):
        text, kind, more, is_erased = Raw(b""), Raw(b'"erased"'), [], True
    return msgspec.json.encode([nick, ERASED_TEXT, kind] if is_erased else [nick, text, kind, *more])
