"""People for the benchmark: accounts that log in by codes, people of a room who are away, and readers who have blocked a talker.

`prepare` makes the data directory of a server, by the Python of that server: an account for every second who comes (`a00000`, `a00002`, ...), each
with a code that lets it in once; so many who were in every room and are away; and readers who have blocked who talks first. `read` lets those readers
in, and reads what they are sent until its input ends.
"""

import argparse
import selectors
import socket
import sys
from pathlib import Path

CODE_LETTERS = 20
"""Letters of a code: that of somebody is their name, with zeros before it."""

AWAY = 200
READERS = 10

ROOM = "room0"
"""Where the readers are, and who talks first."""


def nick_of(kind: str, number: int) -> str:
    """What one of them is called: as long as every other."""
    return f"{kind}{number:05}"


def code_of(nick: str) -> str:
    """By which an account of this name is let in."""
    return nick.rjust(CODE_LETTERS, "0")


def talker_of(clients: int) -> str:
    """Who talks first: fanout numbers them after those who listen."""
    return nick_of("a", clients)


def prepare(data: Path, rooms: int, people: int, clients: int) -> None:
    """Make the data directory."""
    # This project's, as the Python that runs this has it: it may be another commit's.
    import trio  # noqa: PLC0415 - as above

    from chat_server.accounts import Registration, sender_of  # noqa: PLC0415 - as above
    from chat_server.accounts.credentials import parse_code  # noqa: PLC0415 - as above
    from chat_server.accounts.look_alikes import skeleton  # noqa: PLC0415 - as above
    from chat_server.accounts.names_index import Refusal  # noqa: PLC0415 - as above
    from chat_server.config import JournalTable  # noqa: PLC0415 - as above
    from chat_server.journal.engines import engine_named  # noqa: PLC0415 - as above

    async def fill() -> None:
        store = engine_named("sqlite").open_store(JournalTable("sqlite", str(data), "process", ""))
        async with trio.open_nursery() as nursery:
            await nursery.start(store.journal.run)
            accounts: dict[str, int] = {}
            limit = trio.CapacityLimiter(200)  # they are stored together

            async def register(nick: str) -> None:
                async with limit:
                    code = parse_code(code_of(nick))
                    assert code is not None
                    new = Registration(nick, skeleton(nick), recovery=(code.digest,))
                    made = await store.accounts.register(new, 1.0)
                    assert not isinstance(made, Refusal), made
                    accounts[nick] = made.account.id

            nicks = [nick_of("a", number) for number in range(0, people, 2)]
            nicks += [nick_of("d", number) for number in range(AWAY)] + [
                nick_of("b", number) for number in range(READERS)
            ]
            async with trio.open_nursery() as registering:
                for nick in nicks:
                    registering.start_soon(register, nick)
            for number in range(rooms):
                await store.journal.create_room(f"room{number}")
                for away in range(AWAY):
                    store.journal.save_position(f"room{number}", sender_of(accounts[nick_of("d", away)]), 0)
            talker = accounts.get(talker_of(clients), 0)
            for reader in range(READERS):
                chosen = {"blocked": {sender_of(talker): True}}
                await store.accounts.add_choices(accounts[nick_of("b", reader)], chosen)
            store.journal.close()
            await store.journal.wait_closed()
            nursery.cancel_scope.cancel()

    trio.run(fill)


def read(port: int) -> None:
    """Be the readers."""
    waiting = selectors.DefaultSelector()
    for number in range(READERS):
        nick = nick_of("b", number)
        reader = socket.create_connection(("127.0.0.1", port))
        reader.sendall(f"/login {nick} {code_of(nick)}\r\n/join {ROOM}\r\n".encode())
        seen = b""
        while b"You are in" not in seen:
            if not (data := reader.recv(65536)):
                sys.exit(f"{nick} was not let in: {seen.decode(errors='replace')}")
            seen += data
        waiting.register(reader, selectors.EVENT_READ)
    print("ready", flush=True)
    waiting.register(sys.stdin, selectors.EVENT_READ)
    buffer = bytearray(1 << 20)
    while True:
        for key, _ in waiting.select():
            if key.fileobj is sys.stdin:
                return
            assert isinstance(key.fileobj, socket.socket)
            if not key.fileobj.recv_into(buffer):
                return


def main() -> None:
    """Do what is asked for."""
    flags = argparse.ArgumentParser(description=__doc__)
    what = flags.add_subparsers(dest="what", required=True)
    preparing = what.add_parser("prepare")
    preparing.add_argument("data", type=Path)
    for name in ("rooms", "people", "clients"):
        preparing.add_argument(name, type=int)
    what.add_parser("read").add_argument("port", type=int)
    chosen = flags.parse_args()
    if chosen.what == "prepare":
        prepare(chosen.data, chosen.rooms, chosen.people, chosen.clients)
    else:
        read(chosen.port)


if __name__ == "__main__":
    main()
