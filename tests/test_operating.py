"""docs/operating.md: each command on it is played, and what it says becomes of a server in need is so of a real one."""

import re
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

import canary
from archives import checked
from chat_server import __version__
from chat_server.journal.backups import copies_in
from machine import Machine
from processes import ROOT, ServerProcess
from test_journal_sqlite import small_disk
from test_restoring import Asking, closed, come, lines, say

__all__ = ["closed"]

PAGE = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
SECTIONS = {
    title: text for title, text in re.findall(r"^##+ (.*)\n((?:(?!##).*\n)*)", PAGE, re.MULTILINE) if "```sh" in text
}
PROGRAMS = ("chat-server ", "journalctl ", "df ", "systemctl ")
PASSWORD = canary.PASSWORD


def blocks(title: str) -> list[str]:
    """What is to be typed, in the section of this title."""
    return re.findall(r"```sh\n(.*?)```", SECTIONS[title], re.DOTALL)


def inline(text: str) -> set[str]:
    """Whole commands within sentences and tables."""
    prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    return {code for code in re.findall(r"`([^`\n]+)`", prose) if code.startswith(PROGRAMS) and " " in code.strip()}


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    one = Machine(tmp_path / "machine")
    yield one
    one.close()


def registered(machine: Machine, nick: str) -> Asking:
    program = Asking(machine.port)
    assert program.ask("register", nick=nick, password=PASSWORD)["is"] == "registered"
    program.ask("join", room="python")
    return program


def caller(machine: Machine, **login: object) -> Asking:
    program = Asking(machine.port)
    answer = program.ask("login", **login)
    assert answer["is"] == "logged-in", answer
    program.ask("join", room="python")
    return program


# The ten minutes.


def test_ten_minutes_lead_to_a_server_with_tls_an_owner_and_copies(machine: Machine) -> None:
    install, settings, others, owner, look, elsewhere = blocks("In ten minutes")
    assert f"chat-server_{__version__}-1_" in install
    machine.type(install)
    machine.type(settings)
    machine.type(others)
    drop_in = (machine.root / "systemd/chat-server.socket.d/everybody.conf").read_text()
    packaged = (ROOT / "docs/systemd/chat-server.socket").read_text()
    assert re.findall(r"ListenStream=.*:(\d+)", drop_in) == re.findall(r"ListenStream=.*:(\d+)", packaged)
    assert drop_in.startswith("[Socket]\nListenStream=\n"), "instead of those of the package, not beside them"

    trusting = ssl.create_default_context(cafile=str(machine.root / "letsencrypt/live/chat.example.org/fullchain.pem"))
    with (
        socket.create_connection(("127.0.0.1", machine.port)) as plain,
        trusting.wrap_socket(plain, server_hostname="chat.example.org") as line,
    ):
        assert line.version() == "TLSv1.3"

    told = machine.type(owner)
    code = re.search(r"/register ann (\S+)", told)
    assert code
    ann = Asking(machine.port)
    assert ann.ask("register", nick="ann", password=PASSWORD, invite=code[1])["is"] == "registered"
    assert ann.ask("code", purpose="invite")["is"] == "invited", "she invites others"

    machine.wait_for_log("a copy of the journal is made")
    said = machine.type(look)
    assert "active (running)" in said
    assert re.search(r"backup +\d+ s old, [\d.]+ KiB; one every 1 d", said)
    assert re.search(r"-rw------- .* chat-000001-\d{8}T\d{6}Z\.db\n", said)
    machine.type(elsewhere)
    (copy,) = copies_in(machine.root / "elsewhere")
    assert checked(copy.path, machine.root / "none").problems == []


def test_what_one_looks_at_now_and_then_says_what_the_page_says(machine: Machine) -> None:
    machine.type("systemctl start chat-server.service")
    say(registered(machine, "ann"), "hello")
    machine.type("chat-server backup --keep 14 --data /var/lib/chat-server")
    machine.type("rsync --archive root@chat.example.org:/var/lib/chat-server/backups/ /srv/chat-backups/")
    (doctor,) = (command for command in inline(SECTIONS["Now and then"]) if " doctor " in command)
    seen = machine.type(f"{doctor} || [ $? = 1 ]")
    assert "good     journal: " in seen
    assert "good     backups: " in seen
    said = {
        command.split(" --")[0].split()[-1]: machine.type(command)
        for command in inline(SECTIONS["Now and then"]) - {doctor}
    }
    assert "event loop" in said["stats"]
    assert any("is put back: 3 rooms, 1 line" in text for text in said.values())
    (settings,) = blocks("Now and then")
    assert "chat-server.toml: good" in machine.type(settings)
    machine.wait_for_log("configuration")
    (machine.root / "etc" / "chat-server.toml").write_text("[server]\nnaem = 1\n")
    machine.type("systemctl reload chat-server.service")
    machine.wait_for_log("the configuration stays as it was")
    caller(machine, nick="bob")


def test_an_upgrade_is_what_the_page_says(machine: Machine) -> None:
    machine.type("systemctl start chat-server.service")
    (upgrade,) = blocks("Upgrades")
    said = machine.type(upgrade)
    assert "3 rooms, 0 lines, no problems" in said
    assert "apt install ./chat-server_" in said


# What to do when.


def test_a_full_disk_disconnects_nobody_and_room_on_it_is_all_that_it_takes(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "6m") as disk:
        machine = Machine(disk / "machine")
        try:
            (machine.root / "etc/chat-server.toml").write_text("[limits]\nmessages_per_second = 0\n")
            machine.type("systemctl start chat-server.service")
            (machine.data / "journal.db.version-1").write_bytes(b"x" * 1_000_000)
            ann, bob = caller(machine, nick="ann"), caller(machine, nick="bob")
            say(ann, "before")
            with suppress(OSError), (disk / "rest").open("wb", buffering=0) as rest:
                while rest.write(b"x" * 4096):
                    pass
            answers = (ann.ask("say", room="python", text="x" * 9000) for _ in range(1000))
            refused = next(answer for answer in answers if answer["is"] != "stored")
            assert "not-stored" in {refused["is"], refused.get("code")}, refused
            assert "before" in lines(bob).values(), "reading goes on"
            machine.wait_for_log("cannot store what was said")
            machine.type(blocks("… the disk is full")[0])
            say(ann, "there is room")
            assert "there is room" in lines(bob).values()
        finally:
            machine.close()
        assert checked(machine.data / "journal.db", tmp_path / "none").problems == []


def test_a_raid_is_kept_out_and_its_people_are_put_out(machine: Machine) -> None:
    machine.type("systemctl start chat-server.service")
    registered(machine, "ann")
    mallory = caller(machine, nick="mallory")
    begin, end = blocks("… the server is raided")
    said = machine.type(begin)
    assert "mallory?" in said
    assert "mallory is removed (1 connection)" in said
    assert mallory.next("dismissed")
    assert Asking(machine.port).ask("login", nick="zoe")["is"] == "refused"
    assert Asking(machine.port).ask("register", nick="zoe", password=PASSWORD)["is"] == "refused"
    caller(machine, nick="ann", password=PASSWORD)
    machine.type(end)
    caller(machine, nick="zoe")


def test_a_lost_password_is_replaced_by_a_code_of_the_operators(machine: Machine) -> None:
    machine.type("systemctl start chat-server.service")
    registered(machine, "ann").close()
    (block,) = blocks("… the owner has lost the password")
    code = re.search(r"/login ann (\S+)", machine.type(block))
    assert code
    ann = caller(machine, nick="ann", code=code[1])
    another = f"{PASSWORD}-and-more"
    answer = ann.ask("password", new=another)
    assert answer["is"] != "refused", answer
    caller(machine, nick="ann", password=another)
    assert Asking(machine.port).ask("login", nick="ann", password=PASSWORD)["is"] == "refused"
    (drop,) = inline(SECTIONS["… the owner has lost the password"])
    machine.type(f"{drop} --data /var/lib/chat-server")


def test_a_damaged_journal_is_found_and_the_newest_copy_takes_its_place(machine: Machine) -> None:
    machine.type("systemctl start chat-server.service")
    ann = registered(machine, "ann")
    say(ann, "one", "two")
    machine.type("chat-server backup --keep 14 --data /var/lib/chat-server")
    say(ann, "three, after the copy")
    stop, back = blocks("… a file is damaged")
    machine.type(stop.splitlines()[0])
    damage(machine.data / "journal.db", b"two")
    assert "python, from number 2: " in machine.type(stop, code=1)
    said = machine.type(back)
    assert "is put back: 3 rooms, 2 lines\n" in said
    assert "journal.db.replaced; it is yours to delete" in said
    again = caller(machine, nick="ann", password=PASSWORD)
    assert lines(again) == {1: "one", 2: "two"}
    say(again, "three, again")


def damage(journal: Path, text: bytes) -> None:
    """Turn the quotation mark behind a text into something else."""
    whole = journal.read_bytes()
    assert whole.count(text + b'"') == 1
    journal.write_bytes(whole.replace(text + b'"', text + b"\x01"))


CLOCK = """
import sys, time
from pathlib import Path

real, ahead = time.time, Path({ahead!r})
time.time = lambda: real() + float(ahead.read_text())
from chat_server.cli import main
sys.exit(main())
"""
"""A server whose clock somebody else sets."""


def test_a_clock_that_jumps_leaves_lines_in_order_and_the_server_running(tmp_path: Path) -> None:
    ahead, data = tmp_path / "ahead", tmp_path / "data"
    ahead.write_text("0")
    settings = tmp_path / "chat.toml"
    settings.write_text('[backup]\nevery = "10s"\nkeep = 2\n')
    flags = ("--config", str(settings))
    said = []
    for start in range(2):
        server = ServerProcess(*flags, data=data, program=("-c", CLOCK.format(ahead=str(ahead))))
        ann, _ = come(server, nick="ann")
        ann.ask("join", room="python")
        for jump in (0, 400 * 86400, 0, -400 * 86400, 0):
            ahead.write_text(str(jump))
            text = f"start {start}, {jump}"
            say(ann, text)
            said.append(text)
        page = ann.ask("last", room="python", count=50)["lines"]
        assert [line["text"] for line in page] == said
        times = [line["at"] for line in page]
        assert times == sorted(set(times))
        if not start:
            server.wait_for_log("a copy of the journal is made")
        assert server.stop() == 0
        server.kill()
    assert checked(data / "journal.db", data / "search.db").problems == []
    assert 1 <= len(copies_in(data / "backups")) <= 2


def test_the_command_for_the_clock_is_one(machine: Machine) -> None:
    (block,) = blocks("… the clock has jumped")
    assert machine.type(block) == "timedatectl set-ntp true\n"


def test_a_server_that_moves_is_the_same_on_the_other_machine(machine: Machine, tmp_path: Path) -> None:
    machine.type("systemctl start chat-server.service")
    machine.wait_for_log("the certificate of TLS is")
    ann = registered(machine, "ann")
    say(ann, "hello from the old machine")
    fingerprint = machine.type("chat-server fingerprint --data /var/lib/chat-server").splitlines()[0]
    (move,) = blocks("… it moves to another machine")
    machine.type(move.splitlines()[0])
    new = Machine(tmp_path / "new", old=machine.data)
    try:
        new.type("systemctl start chat-server.service")
        new.type(move)
        again = caller(new, nick="ann", password=PASSWORD)
        assert lines(again) == {1: "hello from the old machine"}
        assert new.type("chat-server fingerprint --data /var/lib/chat-server").splitlines()[0] == fingerprint
        assert again.ask("search", words="machine")["rooms"]
    finally:
        new.close()


PLAYED: dict[str, Callable[..., None]] = {
    "In ten minutes": test_ten_minutes_lead_to_a_server_with_tls_an_owner_and_copies,
    "Now and then": test_what_one_looks_at_now_and_then_says_what_the_page_says,
    "Upgrades": test_an_upgrade_is_what_the_page_says,
    "… the disk is full": test_a_full_disk_disconnects_nobody_and_room_on_it_is_all_that_it_takes,
    "… the server is raided": test_a_raid_is_kept_out_and_its_people_are_put_out,
    "… the owner has lost the password": test_a_lost_password_is_replaced_by_a_code_of_the_operators,
    "… a file is damaged": test_a_damaged_journal_is_found_and_the_newest_copy_takes_its_place,
    "… the clock has jumped": test_the_command_for_the_clock_is_one,
    "… it moves to another machine": test_a_server_that_moves_is_the_same_on_the_other_machine,
}


def test_every_section_with_something_to_type_is_played() -> None:
    assert SECTIONS.keys() == PLAYED.keys()


def test_what_is_to_be_typed_within_sentences_is_played_too() -> None:
    played = inline(SECTIONS["Now and then"]) | inline(SECTIONS["… the owner has lost the password"])
    assert inline(PAGE) == played | {"chat-server backup", "chat-server doctor"}
