"""People's programs that talk all the time and come back whenever they are sent away, and what each of them was shown and told.

Over whatever stream: in memory on virtual time, or by a socket to a real server.
"""

import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import trio

Connect = Callable[[], Awaitable[trio.abc.Stream]]

RETRY_SECONDS = 0.2
"""Seconds after which one comes back who was told nothing."""

_LOST = (OSError, trio.BrokenResourceError, trio.ClosedResourceError)


@dataclass
class Chatterer:
    """Somebody in one room, who says a line with a key of its own every so many seconds; 0: who only reads."""

    connect: Connect
    nick: str
    room: str
    pause: float
    said: dict[str, bool] = field(default_factory=dict)
    """The keys, which are the texts too, and whether each was answered."""
    shown: dict[int, str] = field(default_factory=dict)
    position: int = -1
    """The number up to which everything was shown; -1: they have not been in the room."""
    came_with: int = -1
    """The same, when they came last: the page that they are given then may be as old as that."""
    wrong: list[str] = field(default_factory=list)
    comes: int = 0
    away: list[float] = field(default_factory=list)
    """For how long they were away, each time that they came back."""
    talks: bool = True

    @property
    def is_done(self) -> bool:
        """Whether all that they have said is known to be stored."""
        return all(self.said.values())

    async def run(self) -> None:
        """Be there, for ever."""
        left_at = trio.current_time()
        while True:
            wait = RETRY_SECONDS
            try:
                stream = await self.connect()
                async with stream:
                    wait = await self._live(stream, left_at)
            except _LOST:
                pass
            if self.comes > len(self.away):
                self.away.append(0.0)
                left_at = trio.current_time()
            await trio.sleep(wait)

    async def _live(self, stream: trio.abc.Stream, left_at: float) -> float:
        """Be there until one is sent away or the connection is lost; return after how many seconds to come back."""

        async def ask(do: str, **fields: Any) -> None:
            await stream.send_all(json.dumps({"do": do, **fields}).encode() + b"\n")

        self.came_with = self.position
        await ask("login", nick=self.nick, token=f"{self.nick}-{'t' * 24}")
        if self.position < 0:
            await ask("join", room=self.room)
        else:
            await ask("resume", rooms={self.room: self.position})
        for key in [key for key, is_stored in self.said.items() if not is_stored]:
            await ask("say", room=self.room, text=key, key=key)
        async with trio.open_nursery() as nursery:
            if self.pause:
                nursery.start_soon(self._talk, ask)
            received = b""
            while data := await stream.receive_some(65536):
                *lines, received = (received + data).split(b"\n")
                for line in lines:
                    if line.startswith(b"{") and (wait := self._take(json.loads(line), left_at)) is not None:
                        nursery.cancel_scope.cancel()
                        return wait
            nursery.cancel_scope.cancel()
        return RETRY_SECONDS

    async def _talk(self, ask: Callable[..., Awaitable[None]]) -> None:
        try:
            while True:
                await trio.sleep(self.pause)
                if self.talks:
                    key = f"{self.nick}-{len(self.said)}"
                    self.said[key] = False
                    await ask("say", room=self.room, text=key, key=key)
        except _LOST:
            pass  # whoever reads notices too

    def _take(self, event: Mapping[str, Any], left_at: float) -> float | None:
        """Take what one is told; after how many seconds to come back, if one is sent away."""
        match event["is"]:
            case "entered":
                self._enter(event["last"], left_at)
            case "said":
                self._note(event["seq"], event["text"])
            case "page":
                for line in event["lines"]:
                    self._note(line["seq"], line["text"])
                if event["last"] < self.came_with:
                    self.wrong.append(f"the room ends at {event['last']}, and {self.came_with} was shown")
            case "stored":
                self._note_stored(event["key"], event["seq"])
            case "dismissed":
                return float(event.get("retry_after") or RETRY_SECONDS)
            case "refused" | "not-stored" | "missed":
                self.wrong.append(str(event))
        return None

    def _enter(self, last: int, left_at: float) -> None:
        self.comes += 1
        if self.comes > 1:
            self.away[-1] = trio.current_time() - left_at
        if self.position < 0:
            self.position = last

    def _note_stored(self, key: str, seq: int) -> None:
        self.said[key] = True
        if self.shown.setdefault(seq, key) != key:
            self.wrong.append(f"{key} is stored as {seq}, which was shown as another line")
        self._go_on()

    def _note(self, seq: int, text: str) -> None:
        is_own_again = self.shown.get(seq) == text and text in self.said  # what one has said comes back by a page
        if seq in self.shown and not is_own_again:
            self.wrong.append(f"line {seq} was shown twice: {self.shown[seq]!r}, {text!r}")
        self.shown[seq] = text
        self._go_on()

    def _go_on(self) -> None:
        while self.position >= 0 and self.position + 1 in self.shown:
            self.position += 1


async def until_all_is_told(chatterers: Iterable[Chatterer]) -> None:
    """Have them say nothing more, and wait until everybody knows everything."""
    everybody = list(chatterers)
    for one in everybody:
        one.talks = False
    while True:
        last = {one.room: max(other.position for other in everybody if other.room == one.room) for one in everybody}
        if all(one.is_done and one.position == last[one.room] == max(one.shown, default=0) for one in everybody):
            return
        await trio.sleep(0.1)


def check(chatterers: Iterable[Chatterer], kept: Mapping[str, Mapping[int, str]]) -> int:
    """See that what is kept of each room is what everybody was shown and told, once. Returns how many lines were said."""
    everybody = list(chatterers)
    for one in everybody:
        assert one.wrong == [], (one.nick, one.wrong[:5])
        assert one.is_done, (one.nick, [key for key, is_stored in one.said.items() if not is_stored][:5])
        lines = kept[one.room]
        assert {seq: lines.get(seq) for seq in one.shown} == one.shown, one.nick
    said = [key for one in everybody for key in one.said]
    stored = [text for lines in kept.values() for text in lines.values() if text in set(said)]
    assert sorted(stored) == sorted(said), "each line once"
    return len(said)
