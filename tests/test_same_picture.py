"""Three people at three doors of two servers say, edit, answer, react and delete while the network is cut at random: all end with the same picture.

Real programs on real connections: chat-tui in tmux, a program that keeps lines as docs/protocol.md says, and a telnet without options. What each of
them shows in the end is compared with what somebody reads who comes only then.
"""

import random
import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from canary import PASSWORD
from chat_server.protocol.amending import Deleted, Edited, Reacted, Redacted
from chat_server.protocol.amendments import after
from chat_server.protocol.entries import Amending, Entry, LineBlocked, PageShown, Said, Spoken
from chat_server.protocol.events import Entered, Event, LoggedIn, Refused, Stored
from chat_server.protocol.stored_event import StoredEvent
from chat_tui.client.codec import EventReader, write
from chat_tui.client.state import State
from pairs import Pair
from postgresql import Database
from processes import TIMEOUT
from test_node_processes import node
from tmux_windows import Tmux, needs_tmux, tmux

__all__ = ["tmux"]

pytestmark = [pytest.mark.slow, needs_tmux]

SECONDS = 12.0
"""For how long they talk, and the network is cut."""

SCREEN_ROWS = 250
"""So many that all of it is seen at once."""

SIGNS = ("👍", "🎉", "❤")

LIMITS = """
[limits]
messages_per_second = 40
message_burst = 400
requests_per_address = 400
"""


class Relay:
    """Stands between somebody and the servers. Each connection is carried to one of them by chance, as a proxy does, and cut at random."""

    def __init__(self, ports: Sequence[int], chance: random.Random) -> None:
        self._ports = ports
        self._chance = chance
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        self._lock = threading.Lock()
        self._calm = threading.Event()
        self.cuts = 0
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def begin_to_cut(self) -> None:
        """Cut all connections, now and again."""
        threading.Thread(target=self._cut_at_random, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                with self._lock:
                    self._open.append(near)
                far = socket.create_connection(("127.0.0.1", self._chance.choice(self._ports)))
                with self._lock:
                    self._open.append(far)
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=self._carry, args=(source, sink), daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(self._chance.choice((7, 100, 4096))):
                sink.sendall(data)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _cut_at_random(self) -> None:
        while not self._calm.wait(self._chance.uniform(0.7, 2.5)):
            self.cut()

    def cut(self) -> None:
        """End all connections, in the middle of whatever they carry: what is on its way is lost."""
        with self._lock:
            ends, self._open = self._open, []
        self.cuts += bool(ends)
        for end in ends:
            with suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def calm(self) -> None:
        """Cut nothing any more."""
        self._calm.set()

    def close(self) -> None:
        """End it."""
        self.calm()
        self._listener.shutdown(socket.SHUT_RDWR)  # who waits for a connection would wait on where it is only closed
        self._listener.close()
        self._accepting.join()
        self.cut()


Known = dict[int, StoredEvent | LineBlocked]


class Program:
    """A program that keeps what it is told of rooms, by their lines' numbers, and comes back where it was when its connection is lost."""

    def __init__(self, port: int, rooms: Sequence[str]) -> None:
        self._port = port
        self.known: dict[str, Known] = {room: {} for room in rooms}
        self.state = State()
        """What chat-tui makes of the same."""
        self._token = ""
        self._socket: socket.socket | None = None
        self._unsent: dict[str, dict[str, Any]] = {}
        self._answers: dict[int, Event] = {}
        self._asked = 0

    def connect(self, **login: str) -> None:
        """Be in all rooms, from what is known of them on, on a new connection."""
        self.hang_up()
        with suppress(OSError):
            self._socket = socket.create_connection(("127.0.0.1", self._port), timeout=TIMEOUT)
            self._reader = EventReader()
            self.tell("hello", protocol=2)
            self.tell("login", nick="ann", **(login or {"token": self._token}))

    def register(self, nick: str, network: str) -> None:
        """Make an account, on a new connection from there."""
        self._socket = socket.create_connection(("127.0.0.1", self._port), timeout=TIMEOUT, source_address=(network, 0))
        self._reader = EventReader()
        self.tell("hello", protocol=2)
        answer = self.ask("register", nick=nick, password=PASSWORD)
        assert not isinstance(answer, Refused), answer

    def tell(self, do: str, **fields: Any) -> None:
        if self._socket is not None:
            with suppress(OSError):
                self._socket.sendall(write(do, **fields))

    def ask(self, do: str, **fields: Any) -> Event:
        """The answer to this, on a connection that is not cut."""
        self._asked += 1
        self.tell(do, ref=self._asked, **fields)
        self.take_until(lambda: self._asked in self._answers)
        return self._answers.pop(self._asked)

    def say(self, room: str, text: str, re: int = 0) -> None:
        """Say something; again, until it is known to be stored."""
        key = f"key-{text}"
        self._unsent[key] = {"room": room, "text": text, "key": key, "ref": key, **({"re": re} if re else {})}
        self.tell("say", **self._unsent[key])

    @property
    def is_sure(self) -> bool:
        """Whether all that it has said is stored."""
        return not self._unsent

    def take_until(self, is_enough: Callable[[], bool]) -> None:
        """Take what comes until this is so."""
        deadline = time.monotonic() + TIMEOUT
        while not is_enough():
            assert time.monotonic() < deadline, "it did not come"
            self.take(0.1)

    def take(self, seconds: float) -> None:
        """Take what comes within this time; connect again if the connection is lost."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            data = b""
            if self._socket is not None:
                self._socket.settimeout(left)
                try:
                    data = self._socket.recv(65536)
                except TimeoutError:
                    return
                except OSError:
                    pass
            if not data:
                time.sleep(0.05)
                self.connect()
                continue
            for event, ref in ((one.event, one.ref) for one in self._reader.receive_data(data)):
                if isinstance(ref, int):
                    self._answers[ref] = event
                elif isinstance(event, Refused) and event.code not in ("not-in-room", "log-in-first"):
                    self._unsent.pop(str(ref), None)  # the line to which it replies has been deleted meanwhile
                self._take(event)

    def _take(self, event: Event) -> None:
        self.state.apply(event)
        match event:
            case LoggedIn():
                self._token = event.token or self._token
                self.tell("resume", rooms={room: self._whole_to(room) for room in self.known})
                for said in self._unsent.values():
                    self.tell("say", **said)
            case Entered():
                assert event.last >= self._whole_to(event.room), "it would be another room"
            case Stored():
                self._unsent.pop(event.key, None)
            case PageShown():
                for line in event.lines:
                    self._keep(event.room, line)
            case StoredEvent() | LineBlocked():
                self._keep(event.room, event)

    def _whole_to(self, room: str) -> int:
        """The number up to which nothing is missing."""
        number = 0
        while number + 1 in self.known.get(room, ()):
            number += 1
        return number

    def _keep(self, room: str, line: StoredEvent | LineBlocked) -> None:
        known = self.known[room]
        known[line.seq] = line
        if isinstance(line, Amending):
            self.known[room] = {seq: _after(one, line) for seq, one in known.items()}

    def hang_up(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _after(line: StoredEvent | LineBlocked, entry: Amending) -> StoredEvent | LineBlocked:
    return after(line, entry) if isinstance(line, Entry) else line


class Telnet:
    """Somebody at a telnet that knows no options, who logs in again when they are cut off."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket: socket.socket | None = None
        self._seen = ""

    def type(self, *lines: str) -> None:
        """Type this; if the connection is lost meanwhile, nobody knows what of it has come."""
        if self._socket is None:
            self._come_in()
        self._send(*lines)
        self._read(0.0)

    def _send(self, *lines: str) -> None:
        try:
            if self._socket is not None:
                self._socket.sendall("".join(f"{line}\r\n" for line in lines).encode())
        except OSError:
            self.hang_up()

    def _come_in(self) -> None:
        self._seen = ""
        with suppress(OSError):
            self._socket = socket.create_connection(("127.0.0.1", self._port), timeout=TIMEOUT)
        for typed, told in (
            ("", "to come in"),
            ("/login carol", "assword"),
            (PASSWORD, "Welcome"),
            ("/python", "You are"),
        ):
            self._send(*([typed] if typed else []))
            if not self.is_told(told, 5.0):
                self.hang_up()
                return

    def is_told(self, text: str, seconds: float) -> bool:
        """Whether this is shown within this time."""
        until = time.monotonic() + seconds
        while text not in self._seen and self._socket is not None and time.monotonic() < until:
            self._read(0.1)
        return text in self._seen

    def _read(self, seconds: float) -> None:
        if self._socket is None:
            return
        self._socket.settimeout(seconds or 0.001)
        try:
            data = self._socket.recv(65536)
        except TimeoutError:
            return
        except OSError:
            data = b""
        if not data:
            self.hang_up()
        self._seen += data.decode(errors="replace")

    def shown_after(self, line: str, end: str) -> str:
        """What is shown after one has typed this, up to that."""
        self._seen = ""
        self.type(line)
        assert self.is_told(end, TIMEOUT), self._seen
        return self._seen

    def hang_up(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


class World:
    """Two servers, one database, and the three, each behind a relay of their own."""

    def __init__(self, ports: Sequence[int], stack: ExitStack, screens: Tmux, folder: Path, seed: int) -> None:
        self.ports = ports
        self.chance = random.Random(seed)  # noqa: S311 - a test is to be played again
        chances = (random.Random(f"{seed} {place}") for place in range(3))  # noqa: S311 - as above
        self.relays = [Relay(ports, chance) for chance in chances]
        for relay in self.relays:
            stack.callback(relay.close)
        self.ann = Program(self.relays[0].port, ("python", "@bob"))
        stack.callback(self.ann.hang_up)
        self.carol = Telnet(self.relays[2].port)
        stack.callback(self.carol.hang_up)
        self.screens = screens
        (folder / "chat-tui.toml").write_text("line_numbers = true\n")
        self._config = str(folder / "chat-tui.toml")

    def come_in(self) -> None:
        """All three come."""
        self.screens.open(
            "bob", self.relays[1].port, "--room", "python", "--config", self._config, size=(100, SCREEN_ROWS)
        )
        self.screens.wait_for("bob", "bob has an account here")
        self.screens.say("bob", PASSWORD)
        self.screens.wait_for("bob", "2 .*ann")
        self.ann.connect(password=PASSWORD)
        self.ann.take_until(lambda: len(self.ann.known["@bob"]) >= 2)
        self.carol.type()

    def lines_of(self, nick: str, room: str = "python") -> list[Spoken]:
        """What somebody has said and not deleted, as far as ann knows."""
        lines = [line for line in [*self.ann.known[room].values()] if isinstance(line, Spoken)]
        return [line for line in lines if not nick or line.nick == nick]

    def ann_does(self, number: int) -> None:
        room = self.chance.choice(["python", "python", "@bob"])
        own, all_of_them = self.lines_of("ann", room)[-8:], self.lines_of("", room)[-8:]
        line, other = (self.chance.choice(some) if some else None for some in (own, all_of_them))
        match self.chance.randrange(7):
            case 0 if other:
                self.ann.say(room, f"a{number}", other.seq)
            case 1 if line:
                self.ann.tell("edit", room=room, number=line.seq, text=f"a{number}-edited")
            case 2 | 3 if other:
                self.ann.tell("react", room=room, number=other.seq, sign=self.chance.choice(SIGNS))
            case 4 if line and number % 2:
                self.ann.tell("delete", room=room, number=line.seq)
            case _:
                self.ann.say(room, f"a{number}")

    def end(self) -> Program:
        """Nothing is cut any more, and all that was said is stored; return who has read it only then."""
        for relay in self.relays:
            relay.calm()
        for nick in ("bob", "carol"):
            text = f"{nick}-is-done"
            if nick == "bob":
                self.screens.type("bob", "F5", "C-u", "M-1")
                self.screens.say("bob", text)
            deadline = time.monotonic() + 20
            while not any(line.text == text for line in self.lines_of(nick)):
                assert time.monotonic() < deadline, f"{text!r} did not come; bob sees:\n{self._seen_by_bob()}"
                if nick == "carol":
                    self.carol.type(text)
                self.ann.take_until(lambda: self.ann.is_sure)
                self.ann.take(1)
        fresh = Program(self.ports[1], [*self.ann.known])
        fresh.connect(password=PASSWORD)
        fresh.take_until(
            lambda: all(fresh.known[room].keys() >= known.keys() for room, known in self.ann.known.items())
        )
        fresh.hang_up()
        return fresh

    def wait_for_texts(self, wanted: dict[int, str]) -> None:
        """Wait until bob sees these, and no others."""
        deadline = time.monotonic() + 20
        while (shown := texts_shown(self.screens.screen("bob"))) != wanted:
            differing = sorted({number for number, _ in shown.items() ^ wanted.items()})
            told = [f"#{number}: {shown.get(number)!r} instead of {wanted.get(number)!r}" for number in differing]
            assert time.monotonic() < deadline, "\n".join([*told, "bob sees:", self._seen_by_bob()])
            time.sleep(0.1)

    def _seen_by_bob(self) -> str:
        """His screen without its many empty rows."""
        return "\n".join(row.rstrip() for row in self.screens.screen("bob").splitlines() if row.strip())

    def typed(self, nick: str, number: int, room: str = "python") -> str:
        """What somebody types next, who types commands."""
        own, all_of_them = self.lines_of(nick, room)[-8:], self.lines_of("", room)[-8:]
        line, other = (self.chance.choice(some) if some else None for some in (own, all_of_them))
        text = f"{nick[0]}{number}"
        match self.chance.randrange(7):
            case 0 if other:
                return f"/re {other.seq} {text}"
            case 1 if line:
                return f"/edit {line.seq} {text}-edited"
            case 2 | 3 if other:
                return f"/react {other.seq} {self.chance.choice(SIGNS)}"
            case 4 if line and number % 2:
                return f"/delete {line.seq}"
        return text

    def talk(self, seconds: float) -> None:
        """All three do something again and again."""
        until = time.monotonic() + seconds

        def ann() -> None:
            number = 0
            while time.monotonic() < until:
                self.ann_does(number := number + 1)
                self.ann.take(0.2)

        def bob() -> None:
            number, room = 0, "python"
            while time.monotonic() < until:
                number += 1
                if number % 8 == 0:
                    room = "@ann" if room == "python" else "python"
                    self.screens.type("bob", "M-1" if room == "python" else "M-2")
                self.screens.type("bob", "C-u")  # a command that could not be sent is there yet
                self.screens.say("bob", self.typed("bob", number, "@bob" if room == "@ann" else room))
                time.sleep(0.3)

        def carol() -> None:
            number = 0
            while time.monotonic() < until:
                self.carol.type(self.typed("carol", number := number + 1))
                time.sleep(0.3)

        for relay in self.relays:
            relay.begin_to_cut()
        with ThreadPoolExecutor() as threads:
            for done in [threads.submit(one) for one in (ann, bob, carol)]:
                done.result()


Picture = dict[int, tuple[str, str, bool, int, list[tuple[str, int]]]]


def picture(lines: Iterable[object]) -> Picture:
    """What people can see of the lines that were said, by their numbers."""
    return {
        line.seq: (line.nick, line.text, bool(line.edited), line.re, [(one.sign, len(one)) for one in line.reactions])
        for line in lines
        if isinstance(line, Spoken)
    }


TELNET_LINE = re.compile(
    r"^#(\d+) [\d:]+ (\w+)(?: \(re #(\d+).*?\))?: (.*?)( \(edited\))?(?: \[(.*)\])?$", re.MULTILINE
)


def telnet_picture(shown: str) -> Picture:
    """The same, as a telnet shows it."""
    found: Picture = {}
    for number, nick, re_number, text, edited, signs in TELNET_LINE.findall(shown.replace("\r", "")):
        words = signs.split()
        reactions = [(sign, int(times)) for sign, times in zip(words[::2], words[1::2], strict=True)]
        found[int(number)] = (nick, text, bool(edited), int(re_number or 0), reactions)
    return found


CHAT_ROW = re.compile(r"^.{20}[ ▌] *(?:(?:ann|bob|carol|·)  )?(\S+(?: \S+)*)(?: .*?)?(?: #(\d+)(?: \d\d:\d\d)?)? *$")
"""A row of the chat, right of the rooms: who, or that it is the same; what; behind that perhaps that it was edited; its number."""


def texts_shown(screen: str) -> dict[int, str]:
    """The texts on chat-tui's screen by the numbers that stand behind them, of what was said and not deleted."""
    found = {}
    replying = ""  # the number of a reply, which stands behind what it quotes
    for text, number in (row.groups("") for row in map(CHAT_ROW.match, screen.splitlines()) if row):
        if text.startswith("╭"):
            replying = number
        elif (number or replying) and text[0] != "#":
            found[int(number or replying)] = text
            replying = ""
    return found


@contextmanager
def world(database: Database, screens: Tmux, folder: Path, seed: int) -> Iterator[World]:
    with ExitStack() as stack:
        certificate, key = Pair().write(folder)
        settings = f'{LIMITS}\n[tls]\ncertificate = "{certificate}"\nkey = "{key}"\n'
        ports = [stack.enter_context(node(database, name, settings)).port for name in ("a", "b")]
        ann, bob, carol = (Program(port, ()) for port in (ports[0], ports[0], ports[1]))
        for one, nick in ((ann, "ann"), (bob, "bob"), (carol, "carol")):
            one.register(nick, "127.0.0.2" if one is carol else "127.0.0.1")  # so many may register from one network
        ann.known["@bob"] = bob.known["@ann"] = {}
        for one, do, fields in (
            (bob, "dm", {"who": "all"}),
            (ann, "msg", {"nick": "bob", "text": "hi"}),
            (bob, "accept", {"nick": "ann"}),
            (bob, "say", {"room": "@ann", "text": "hi"}),
        ):
            assert not isinstance(answer := one.ask(do, **fields), Refused), answer
        for one in (ann, bob, carol):
            one.hang_up()
        yield World(ports, stack, screens, folder, seed)


@pytest.mark.parametrize("seed", [1])
def test_three_at_three_doors_of_two_servers_whose_network_is_cut_end_with_the_same_picture(
    database: Database, tmux: Tmux, tmp_path: Path, seed: int
) -> None:
    with world(database, tmux, tmp_path, seed) as its:
        its.come_in()
        its.talk(SECONDS)
        for relay in its.relays:
            relay.calm()
        fresh = its.end()
        for room in fresh.known:
            wanted = fresh.known[room]
            assert its.ann.known[room] == wanted
            assert picture(its.ann.state.room(room).timeline.lines()) == picture(wanted.values())
        python, bob = (picture(fresh.known[room].values()) for room in ("python", "@bob"))
        assert telnet_picture(its.carol.shown_after("/last 200", "* Lines")) == python
        for key, lines in (("M-1", python), ("M-2", bob)):
            tmux.type("bob", key)
            its.wait_for_texts({number: text for number, (_, text, *_) in lines.items()})
        assert all(relay.cuts >= 3 for relay in its.relays)
        kinds = {type(line) for line in fresh.known["python"].values()}
        assert kinds >= {Said, Edited, Reacted, Redacted, Deleted}
