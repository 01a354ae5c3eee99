"""What an account is when it is made, and what becomes of it and its name when it takes another, or ends. Pure."""

from collections.abc import Iterable

from chat_server.accounts import KEPT_SECONDS, Account, Code, Ending, Registration
from chat_server.accounts.names_index import KeptName, NamesIndex


def kept_after(old: Account, new: Account, at: float) -> KeptName | None:
    """The name that is kept from others when an account has become another; None if that has the same, to everybody else."""
    if old.key == new.key:
        return None
    return KeptName(old.key, old.skeleton, 0 if new.state == "closed" else old.id, at + KEPT_SECONDS)


def note_change(names: NamesIndex, old: Account, new: Account, at: float) -> None:
    """Note in the index that an account has become another. At one of several nodes it may not have learned yet what it was."""
    if names.name_of(old.id) == old.name:
        names.take(old.id, old.key, old.skeleton)
    else:
        names.take_all(old.id)
    names.put(new.id, new.name, new.key, new.skeleton)
    kept = kept_after(old, new, at)
    if kept is not None:
        names.keep(kept)


def note_stored(names: NamesIndex, stored: Iterable[tuple[int, str, str, str]], kept: Iterable[KeptName]) -> None:
    """Note in the index how it stands with some accounts, whatever it was: the id, name, key and skeleton of each, and all names kept for them."""
    gone = set[KeptName]()
    for account, name, key, skeleton in stored:
        if names.name_of(account) not in {"", name}:
            names.take_all(account)
        if names.name_of(account):
            gone |= names.kept_for(account)
        names.put(account, name, key, skeleton)
    there = {*kept}
    names.forget_kept(gone - there)
    for one in there:
        names.keep(one)


def made(new: Registration, account: int, at: float, code: Code | None) -> Account:
    """The account that a registration makes, by a code or by none; one for an owner makes an owner."""
    return Account(
        account,
        new.name,
        new.skeleton,
        at,
        password=new.password,
        invited_by=code.made_by if code else 0,
        role="owner" if code and code.purpose == "owner" else "member",
        choices=new.choices,
        seen=at,
    )


def closed(account: Account, name: str, ending: Ending) -> Account:
    """What is left of an account after its end: that there was one, and whose lines are its. One that is only closed keeps its name."""
    if ending == "close":
        kept = account.skeleton, account.made, account.invited_by
        return Account(account.id, name, kept[0], kept[1], invited_by=kept[2], state="closed", ending=ending)
    return Account(account.id, name, name, 0.0, state="closed", ending=ending)
