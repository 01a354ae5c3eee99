"""What holds in a room, in words for who is there: rules that concern them, why they cannot write just now, why they were put out. Pure."""

from chat_server.protocol.entries import Kicked
from chat_tui.client.room_rights import Rights

MINUTE, HOUR, DAY = 60, 3600, 86400


def left(seconds: float) -> str:
    """A time that is still to pass: `45 s`, `29 min`, `3 h 20 min`, `6 d 4 h`. It never says less than it is."""
    whole = max(1, -int(-min(seconds, 1e10) // 1))
    if whole < MINUTE:
        return f"{whole} s"
    minutes = -(-whole // MINUTE)
    if minutes * MINUTE < HOUR:
        return f"{minutes} min"
    if minutes * MINUTE < DAY:
        hours, minutes = divmod(minutes, 60)
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(-(-whole // HOUR), 24)
    return f"{days} d {hours} h" if hours else f"{days} d"


def rules_in_words(rights: Rights) -> str:
    """The rules that are not as in every room and concern the user."""
    rules = rights.rules
    told = ["private" if rules.get("access", "open") != "open" else "", "archived" if rights.is_archived else ""]
    if not rights.is_above_members:
        told += [
            f"slow {rights.slow_seconds} s" if rights.slow_seconds else "",
            {"members": "" if rights.role else "only members write", "moderators": "only moderators write"}.get(
                rules.get("speak", ""), ""
            ),
            {"all": "lines wait for a moderator", "links": "links wait for a moderator"}.get(rules.get("hold", ""), ""),
            "no links" if rules.get("links", "all") != "all" and not rights.role else "",
        ]
    return " · ".join(filter(None, told))


def notice(rights: Rights, now: float, *, is_held: bool = False) -> str:
    """Why the user cannot write something just now; "" if they can. `is_held`: they have tried, and it was kept for them."""
    if rights.is_archived:
        return f"Archived: you can only read.{' Not sent.' if is_held else ''}"
    muted = rights.muted(now)
    if muted is not None:
        number, one = muted
        by = f" by {one.by}" if one.by else ""
        return (
            f"✗ Muted here{by}, for {left(one.until - now)} still: {one.reason or 'no reason given'} (number {number})"
        )
    speak = rights.rules.get("speak", "")
    if speak in ("members", "moderators") and not rights.is_above_members and not (speak == "members" and rights.role):
        return f"Only {speak} write here; you can read."
    if not rights.slow_seconds:
        return ""
    waits = rights.waits(now)
    if not waits:
        return f"Slow: one line in {left(rights.slow_seconds)}"
    return f"Slow: next line in {left(waits)}{'. Not sent yet; Enter sends it then.' if is_held else ''}"


def put_out(rights: Rights, room: str) -> str:
    """Why the user is not in a room any more, in a sentence; "" if nobody has put them out."""
    entry = rights.put_out
    if entry is not None:
        why = f": {entry.text}" if entry.text else ""
        back = f"You can come back in {left(entry.until - entry.at)}: /join {room}"
        if isinstance(entry, Kicked):
            return f"{entry.nick} put you out of {room}{why}. {back}."
        return f"{entry.nick} banned you from {room}{why}. {back} (number {entry.id})."
    if rights.rules.get("guests") == "no" and rights.is_guest:
        return f"Only people with an account are in {room} from now on, so you were put out. /register makes one."
    if rights.rules.get("access", "open") != "open" and not rights.role:
        return f"Only members are in {room} from now on, so you were put out."
    return ""
