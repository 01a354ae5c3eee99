"""What holds in a room, in words for who is there: rules that concern them, why they cannot write just now, why they were put out. Pure."""

from chat_server.protocol.acts import Kicked
from chat_tui.client.room_rights import Forbidden, Rights
from chat_tui.language import say, sentences

MINUTE, HOUR, DAY = 60, 3600, 86400


def left(seconds: float) -> str:
    """A time that is still to pass: `45 s`, `29 min`, `3 h 20 min`, `6 d 4 h`. It never says less than it is."""
    whole = max(1, -int(-min(seconds, 1e10) // 1))
    if whole < MINUTE:
        return say("{count} s", count=whole)
    minutes = -(-whole // MINUTE)
    if minutes * MINUTE < HOUR:
        return say("{count} min", count=minutes)
    if minutes * MINUTE < DAY:
        hours, minutes = divmod(minutes, 60)
        return (
            say("{hours} h {minutes} min", hours=hours, minutes=minutes) if minutes else say("{count} h", count=hours)
        )
    days, hours = divmod(-(-whole // HOUR), 24)
    return say("{days} d {hours} h", days=days, hours=hours) if hours else say("{count} d", count=days)


def rules_in_words(rights: Rights) -> str:
    """The rules that are not as in every room and concern the user."""
    rules = rights.rules
    told = [
        say("private") if rules.get("access", "open") != "open" else "",
        say("archived") if rights.is_archived else "",
    ]
    if not rights.is_above_members:
        told += [
            say("slow {seconds} s", seconds=rights.slow_seconds) if rights.slow_seconds else "",
            {
                "members": "" if rights.role else say("only members write"),
                "moderators": say("only moderators write"),
            }.get(rules.get("speak", ""), ""),
            {"all": say("lines wait for a moderator"), "links": say("links wait for a moderator")}.get(
                rules.get("hold", ""), ""
            ),
            say("no links") if rules.get("links", "all") != "all" and not rights.role else "",
        ]
    return " · ".join(filter(None, told))


def notice(rights: Rights, now: float, *, is_held: bool = False) -> str:
    """Why the user cannot write something just now; "" if they can. `is_held`: they have tried, and it was kept for them."""
    if rights.is_archived:
        return sentences(say("Archived: you can only read."), say("Not sent.") if is_held else "")
    muted = rights.muted(now)
    if muted is not None:
        return _muted(*muted, now)
    speak = rights.rules.get("speak", "")
    if speak == "members" and not rights.is_above_members and not rights.role:
        return say("Only members write here; you can read.")
    if speak == "moderators" and not rights.is_above_members:
        return say("Only moderators write here; you can read.")
    return _slow(rights, now, is_held=is_held) if rights.slow_seconds else ""


def _muted(number: int, one: Forbidden, now: float) -> str:
    details = {"left": left(one.until - now), "reason": one.reason or say("no reason given"), "number": number}
    if not one.by:
        return "✗ " + say("Muted here, for {left} still: {reason} (number {number})", **details)
    return "✗ " + say("Muted here by {nick}, for {left} still: {reason} (number {number})", nick=one.by, **details)


def _slow(rights: Rights, now: float, *, is_held: bool) -> str:
    waits = rights.waits(now)
    if not waits:
        return say("Slow: one line in {time}", time=left(rights.slow_seconds))
    if is_held:
        return say("Slow: next line in {time}. Not sent yet; Enter sends it then.", time=left(waits))
    return say("Slow: next line in {time}", time=left(waits))


def put_out(rights: Rights, room: str) -> str:
    """Why the user is not in a room any more, in a sentence; "" if nobody has put them out."""
    entry = rights.put_out
    if entry is not None:
        time = left(entry.until - entry.at)
        details = {"nick": entry.nick, "room": room, "why": entry.text}
        if isinstance(entry, Kicked):
            what = (
                say("{nick} put you out of {room}: {why}.", **details)
                if entry.text
                else say("{nick} put you out of {room}.", **details)
            )
            return sentences(what, say("You can come back in {time}: /join {room}.", time=time, room=room))
        what = (
            say("{nick} banned you from {room}: {why}.", **details)
            if entry.text
            else say("{nick} banned you from {room}.", **details)
        )
        return sentences(
            what,
            say("You can come back in {time}: /join {room} (number {number}).", time=time, room=room, number=entry.id),
        )
    if rights.rules.get("guests") == "no" and rights.is_guest:
        return say(
            "Only people with an account are in {room} from now on, so you were put out. /register makes one.",
            room=room,
        )
    if rights.rules.get("access", "open") != "open" and not rights.role:
        return say("Only members are in {room} from now on, so you were put out.", room=room)
    return ""
