"""Who came to a room, who left it and who took another name there, as one sentence for many times. Pure."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from chat_server.protocol.names import name_key
from chat_tui.language import counted, message, say, say_count

NAMED_MAX = 3
"""People of one kind who are named. The others are counted."""

KNOWN_MAX = 200
"""People of whom it is known how often they came and went. Those of longest ago are only counted."""


class Visit(NamedTuple):
    """One person: how often they came and went, whether they were there before all that, and what they were called then, if not as now."""

    nick: str
    came: int = 0
    went: int = 0
    was_here: bool = False
    was: str = ""

    @property
    def named(self) -> str:
        """What they are called, and were."""
        return say("{new} (was {old})", new=self.nick, old=self.was) if self.was else self.nick


class Visits(NamedTuple):
    """What some people did, the last one last; and how many more came or went whom nobody has named."""

    people: tuple[Visit, ...] = ()
    more_came: int = 0
    more_went: int = 0

    def seen(self, nicks: Iterable[str], more: int, *, is_coming: bool) -> "Visits":
        """With these who come, or go, now."""
        wanted = {name_key(nick): nick for nick in nicks}
        known = {name_key(visit.nick): visit for visit in self.people}
        now = []
        for key, nick in wanted.items():
            visit = known.pop(key, Visit(nick, was_here=not is_coming))
            now.append(visit._replace(nick=nick, came=visit.came + is_coming, went=visit.went + (not is_coming)))
        more_came, more_went = (more, 0) if is_coming else (0, more)
        return self._bounded([*known.values(), *now], self.more_came + more_came, self.more_went + more_went)

    def renamed(self, old: str, new: str) -> "Visits":
        """With one of them who takes another name now. Who has had that lately is the same person, who has it back."""
        known = {name_key(visit.nick): visit for visit in self.people}
        visit = known.pop(name_key(old), Visit(old, was_here=True))
        before = known.pop(name_key(new), None)
        if before is not None:
            visit = before._replace(nick=new, came=before.came + visit.came, went=before.went + visit.went)
        else:
            was = visit.was or old
            visit = visit._replace(nick=new, was="" if was == new else was)
        is_any = visit.came or visit.went or visit.was
        return self._bounded([*known.values(), *([visit] if is_any else [])], self.more_came, self.more_went)

    @staticmethod
    def _bounded(people: Sequence[Visit], more_came: int, more_went: int) -> "Visits":
        """Those of them who did something last, and the others counted."""
        over = people[:-KNOWN_MAX]
        return Visits(
            tuple(people[-KNOWN_MAX:]),
            more_came + sum(visit.came > visit.went for visit in over),
            more_went + sum(visit.came < visit.went for visit in over),
        )

    def parted(self, nicks: Iterable[str]) -> tuple["Visits", "Visits"]:
        """Those who are none of these, and those who are."""
        keys = {name_key(nick) for nick in nicks}
        stay = tuple(visit for visit in self.people if name_key(visit.nick) not in keys)
        taken = tuple(visit for visit in self.people if name_key(visit.nick) in keys)
        return self._replace(people=stay), Visits(taken)

    def joined(self, other: "Visits") -> "Visits":
        """These, and after them the others; people among both did all of it."""
        people = {name_key(visit.nick): visit for visit in self.people}
        for visit in other.people:
            first = people.pop(name_key(visit.nick), Visit(visit.nick, was_here=visit.was_here))
            came, went = first.came + visit.came, first.went + visit.went
            added = first._replace(nick=visit.nick, came=came, went=went, was=first.was or visit.was)
            people[name_key(visit.nick)] = added
        return Visits(tuple(people.values()), self.more_came + other.more_came, self.more_went + other.more_went)

    @property
    def is_empty(self) -> bool:
        """Whether nobody is left."""
        return not (self.people or self.more_came or self.more_went)

    @property
    def text(self) -> str:
        """The sentence."""
        came = [visit.named for visit in self.people if visit.came and not visit.went]
        went = [visit.named for visit in self.people if visit.went and not visit.came]
        renamed = [visit for visit in self.people if not visit.came and not visit.went]
        often = sorted(
            (visit for visit in self.people if visit.came and visit.went), key=lambda visit: -visit.came - visit.went
        )
        parts = []
        if came or self.more_came:
            parts.append("→ " + say("{names} joined", names=_listed(came, self.more_came)))
        if went or self.more_went:
            parts.append("← " + say("{names} left", names=_listed(went, self.more_went)))
        parts += [_often(visit) for visit in often[:NAMED_MAX]]
        rest = len(often) - NAMED_MAX
        if rest > 0:
            parts.append(say("{number} more came and went", number=rest))
        parts += [say("{old} is now {new}", old=visit.was, new=visit.nick) for visit in renamed[:NAMED_MAX]]
        rest = len(renamed) - NAMED_MAX
        if rest > 0:
            parts.append(say("{number} more have other names", number=rest))
        return "  ·  ".join(parts)


_BACK = (
    *counted("{nick} left and came back", "{nick} left and came back {number} times"),
    message("{what}, and is gone"),
)
_CAME = (
    *counted("{nick} came and went", "{nick} came and went {number} times"),
    message("{what}, and is here"),
)
"""What somebody did once, or so many times, who was here before, or was not; and what has become of them, if that is another thing."""


def _often(visit: Visit) -> str:
    """What somebody did who did both."""
    is_here = visit.came > visit.went if not visit.was_here else visit.came == visit.went
    times = min(visit.came, visit.went)
    once, often, end = _BACK if visit.was_here else _CAME
    text = say_count(once, often, times, nick=visit.named)
    return text if is_here == visit.was_here else say(end, what=text)


def _listed(nicks: list[str], more: int) -> str:
    more += max(0, len(nicks) - NAMED_MAX)
    names = [*nicks[:NAMED_MAX], *([say("{number} more", number=more)] if more else [])]
    return names[0] if len(names) == 1 else say("{names} and {last}", names=say(", ").join(names[:-1]), last=names[-1])
