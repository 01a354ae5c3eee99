"""Whether a server is trusted: the whole table, the file of what is known, and our end of TLS; then the client against servers that change."""

import fcntl
import stat
import time
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_tui.cli import main
from chat_tui.client.known_servers import NOTHING, Known, KnownServers
from chat_tui.client.tls import NotTls, TlsSession
from chat_tui.client.trust import (
    AUTHORITY,
    PLAINTEXT,
    UNTRUSTED,
    About,
    Fault,
    GoOn,
    NoTls,
    Seen,
    Unsettled,
    Unverified,
    Verified,
    decide,
    fault_of,
)
from chat_tui.client.trust_words import Doubt
from tls_servers import OtherEnd, certificates

ONE, OTHER = "sha256:" + "1" * 64, "sha256:" + "2" * 64

# The decision


def settled(seen: Seen, known: str, *, is_local: bool = False, allows_plaintext: bool = False) -> str:
    """What comes of it: the word that is kept, or why not."""
    decision = decide(seen, known, is_local=is_local, allows_plaintext=allows_plaintext)
    return decision.about.value if isinstance(decision, Unsettled) else f"go on {decision.word}".strip()


STRANGE = Unverified(ONE, Fault.UNKNOWN_ISSUER)

TABLE = {
    # seen:            Verified              STRANGE               expired         NoTls
    "":        ("go on authority", "first use",          "expired",      "plain text"),
    PLAINTEXT: ("go on authority", "first use",          "expired",      "go on"),
    UNTRUSTED: ("go on authority", "first use",          "expired",      "no longer TLS"),
    AUTHORITY: ("go on authority", "no authority",       "no authority", "no longer TLS"),
    ONE:       ("go on authority", "go on",              "go on",        "no longer TLS"),
    OTHER:     ("go on authority", "changed",            "changed",      "no longer TLS"),
}  # fmt: skip
"""What comes of what is known and what is seen, of a server elsewhere."""

HERE = {
    ("", STRANGE): f"go on {ONE}",
    (PLAINTEXT, STRANGE): f"go on {ONE}",
    (UNTRUSTED, STRANGE): f"go on {ONE}",
    ("", NoTls()): "go on",
}
"""What is otherwise where the server is on this computer."""


@pytest.mark.parametrize("known", TABLE)
@pytest.mark.parametrize("number", range(4))
def test_what_comes_of_what_is_known_and_seen(known: str, number: int) -> None:
    seen: Seen = (Verified(), STRANGE, Unverified(ONE, Fault.EXPIRED), NoTls())[number]
    elsewhere = TABLE[known][number]
    assert settled(seen, known) == elsewhere
    assert settled(seen, known, is_local=True) == HERE.get((known, seen), elsewhere)
    for is_local in (False, True):
        asked_for = settled(seen, known, is_local=is_local, allows_plaintext=True)
        assert asked_for == ("go on" if seen == NoTls() else settled(seen, known, is_local=is_local))


def test_no_certificate_goes_through_that_is_neither_verified_nor_known() -> None:
    for fault, known, local, plain in product(Fault, TABLE, (False, True), (False, True)):
        decision = decide(Unverified(ONE, fault), known, is_local=local, allows_plaintext=plain)
        if isinstance(decision, GoOn):
            assert known == ONE or (local and fault is Fault.UNKNOWN_ISSUER and known in ("", PLAINTEXT, UNTRUSTED))
        else:
            assert decision.accepts in ("", ONE)
            assert not decision.accepts or decision.about is About.FIRST_USE


def test_a_fingerprint_that_an_authority_has_made_needless_is_told() -> None:
    assert isinstance(now := decide(Verified(), ONE, is_local=False, allows_plaintext=False), GoOn)
    assert "vouches for the server now" in now.news
    assert isinstance(ever := decide(Verified(), AUTHORITY, is_local=False, allows_plaintext=False), GoOn)
    assert not ever.news


def test_the_codes_of_openssl_are_told_apart() -> None:
    codes = {10: Fault.EXPIRED, 9: Fault.NOT_YET_VALID, 62: Fault.WRONG_NAME, 64: Fault.WRONG_NAME, 24: Fault.OTHER}
    codes |= dict.fromkeys((18, 19, 20, 21), Fault.UNKNOWN_ISSUER)
    assert {code: fault_of(code) for code in codes} == codes


@pytest.mark.parametrize("about", About)
def test_whatever_is_wrong_is_told_with_what_to_do_next(about: About) -> None:
    accepts = {About.FIRST_USE: ONE, About.PLAIN_TEXT: PLAINTEXT}.get(about, "")
    fingerprint = "" if about in (About.PLAIN_TEXT, About.NO_LONGER_TLS) else ONE
    known = Known(OTHER, "2026-11-01", "2026-11-20") if about is About.CHANGED else NOTHING
    doubt = Doubt("h.example", 5000, Unsettled(about, fingerprint, known.word, accepts), known, " --state d")
    told = list(doubt.lines(is_asked=False))
    assert "h.example, port 5000" in told[0]
    assert ("  1111 1111 1111 1111 1111 1111 1111 1111" in told) is bool(fingerprint)
    assert ("  2222 2222 2222 2222 2222 2222 2222 2222" in told) is (about is About.CHANGED)
    if about is About.NO_AUTHORITY:
        assert not doubt.command
    else:
        assert told[-1] == f"  {doubt.command}"
        assert doubt.command == (
            f"chat-tui trust h.example:5000 {ONE} --state d"
            if fingerprint
            else "chat-tui --plaintext h.example:5000 --state d"
        )
    asked = list(doubt.lines(is_asked=True))
    assert (asked == told) is (not accepts)
    assert bool(doubt.yes) is bool(accepts)


@pytest.mark.parametrize(("columns", "row"), [(0, 39), (66, 39), (39, 39), (38, 19), (20, 19), (10, 9), (5, 4), (1, 4)])
def test_a_fingerprint_stands_in_rows_of_one_length(columns: int, row: int) -> None:
    (shown,) = Doubt("h", 1, Unsettled(About.FIRST_USE, ONE)).compared
    rows = shown.rows(columns)
    assert {len(text) for text in rows} == {row}
    assert " ".join(rows).replace(" ", "") == "1" * 64


# The file


class Days:
    today = "2026-11-28"

    def servers(self, folder: Path) -> KnownServers:
        return KnownServers(folder / "state" / "known_servers", today=lambda: self.today)


def test_the_servers_of_lately_are_those_that_were_trusted_the_last_one_first(tmp_path: Path) -> None:
    days = Days()
    servers = days.servers(tmp_path)
    assert servers.lately() == []
    servers.note("old.example", 5000, ONE)
    servers.note("::1", 6000, AUTHORITY)
    servers.note("never.example", 5000, UNTRUSTED)
    days.today = "2026-12-01"
    servers.note("new.example", 5001, PLAINTEXT)
    assert servers.lately() == [("new.example", 5001), ("::1", 6000), ("old.example", 5000)]
    days.today = "2026-12-02"
    servers.note("old.example", 5000)
    with (tmp_path / "state" / "known_servers").open("a") as file:
        file.write(f"no-port {ONE} 2026-12-03 2026-12-03\nwhat is this\n")
    assert servers.lately() == [("old.example", 5000), ("new.example", 5001), ("::1", 6000)]


def test_what_is_known_is_there_for_the_next_program_and_only_for_this_user(tmp_path: Path) -> None:
    days = Days()
    days.servers(tmp_path).note("Chat.Example.org.", 5000, ONE)
    days.servers(tmp_path).note("::1", 6000, AUTHORITY)
    days.today = "2026-12-01"
    days.servers(tmp_path).note("chat.example.org", 5000)
    servers = days.servers(tmp_path)
    assert servers.find("chat.example.org", 5000) == (ONE, "2026-11-28", "2026-12-01")
    assert servers.find("chat.example.org", 5001) == NOTHING
    path = tmp_path / "state" / "known_servers"
    assert path.read_text() == (
        f"chat.example.org:5000 {ONE} 2026-11-28 2026-12-01\n[::1]:6000 authority 2026-11-28 2026-11-28\n"
    )
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_another_word_begins_on_its_own_day_and_the_same_on_one_day_writes_nothing(tmp_path: Path) -> None:
    days = Days()
    servers = days.servers(tmp_path)
    servers.note("h", 1, ONE)
    before = (tmp_path / "state" / "known_servers").stat().st_ino
    servers.note("h", 1, ONE)
    servers.note("h", 1)
    assert (tmp_path / "state" / "known_servers").stat().st_ino == before
    days.today = "2026-12-24"
    servers.note("h", 1, OTHER)
    assert servers.find("h", 1) == (OTHER, "2026-12-24", "2026-12-24")
    servers.note("unheard.of", 1)
    assert servers.find("unheard.of", 1) == NOTHING


def test_what_was_written_by_hand_stays_and_what_is_broken_is_told_once(tmp_path: Path) -> None:
    servers = Days().servers(tmp_path)
    path = tmp_path / "state" / "known_servers"
    path.parent.mkdir()
    colons = ":".join("1" * 2 for _ in range(32)).upper()
    by_hand = [
        b"# mine",
        f"h:1  {colons}\t2026-01-01 2026-01-02\r".encode(),
        b"",
        b"broken:1 sha256:12 2026-01-01 2026-01-02",
        b"\xff\xfe \x0b odd",
    ]
    path.write_bytes(b"\n".join(by_hand))
    assert servers.find("h", 1) == (ONE, "2026-01-01", "2026-01-02")
    told = servers.warnings()
    assert [sentence.partition(": ")[2] for sentence in told] == [
        f"line {number} is not understood. It stays there, and counts for nothing." for number in (4, 5)
    ]
    assert servers.warnings() == []
    assert servers.find("broken", 1) == NOTHING
    servers.note("h", 1, OTHER)
    servers.note("new", 2, PLAINTEXT)
    by_hand[1] = f"h:1 {OTHER} 2026-11-28 2026-11-28".encode()
    assert path.read_bytes() == b"\n".join([*by_hand, b"new:2 plaintext 2026-11-28 2026-11-28", b""])


def test_what_cannot_be_written_is_told_once_and_known_until_the_end(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file, where a directory should be")
    servers = Days().servers(tmp_path)
    told = servers.note("h", 1, ONE)
    assert told.startswith("It is not kept which servers are trusted: ")
    assert servers.find("h", 1).word == ONE
    assert servers.note("h", 1, OTHER) == ""
    assert servers.find("h", 1).word == OTHER


def test_a_file_that_another_program_does_not_let_go_of_holds_nobody_up_and_is_written_when_it_does(
    tmp_path: Path,
) -> None:
    servers, other = Days().servers(tmp_path), Days().servers(tmp_path)
    servers.note("first", 1, ONE)
    with (tmp_path / "state" / "known_servers.lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        start = time.monotonic()
        assert servers.note("h", 1, ONE).endswith("another program does not let go of it.")
        assert time.monotonic() - start < 5
        assert (servers.find("h", 1).word, other.find("h", 1).word) == (ONE, "")
    assert servers.note("h", 1) == ""
    assert other.find("h", 1).word == ONE


def test_what_cannot_be_read_is_not_written_over(tmp_path: Path) -> None:
    path = tmp_path / "state" / "known_servers"
    path.mkdir(parents=True)
    servers = Days().servers(tmp_path)
    assert servers.warnings() == [f"It is not known which servers are trusted: {path}: Is a directory."]
    assert servers.note("h", 1, ONE)
    assert path.is_dir()


def test_a_file_that_is_a_link_stays_one(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.write_text("# mine\n")
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "known_servers").symlink_to(kept)
    Days().servers(tmp_path).note("h", 1, ONE)
    assert kept.read_text() == f"# mine\nh:1 {ONE} 2026-11-28 2026-11-28\n"


# chat-tui trust


def test_a_certificate_is_accepted_by_hand(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trust", "h.example", *OTHER.split(":"), "--state", str(tmp_path)]) == 0
    assert main(["trust", "H.example:5000", ONE, "--state", str(tmp_path)]) == 0
    assert KnownServers(tmp_path / "known_servers").find("h.example", 5000).word == ONE
    told = capsys.readouterr().out.splitlines()
    assert told[-4:-2] == [
        "h.example:5000 is trusted by this fingerprint (SHA-256) from now on:",
        "  " + " ".join(["1111"] * 16),
    ]
    assert told[-1] == "  " + " ".join(["2222"] * 16)


@pytest.mark.parametrize(
    ("words", "wrong"),
    [
        (["h.example", "12"], "That is no fingerprint: it is sha256: and 64 digits, 0 to 9 and a to f."),
        (["h..example", ONE], '"h..example" cannot be the name of a server.'),
    ],
)
def test_what_is_no_fingerprint_or_server_is_told(
    words: list[str], wrong: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["trust", *words, "--state", str(tmp_path)]) == 2
    assert wrong in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


# Our end of TLS


def agreed() -> tuple[TlsSession, OtherEnd]:
    ours, theirs = TlsSession("127.0.0.1", verifies=False), OtherEnd(certificates().self_signed())
    data, is_agreed = ours.hello(), False
    while not is_agreed:
        is_agreed, data = ours.receive_answer(theirs.shake_hands(data))
    ours.receive_data(theirs.shake_hands(data))  # tickets, which nobody wants
    return ours, theirs


@given(st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=5), st.lists(st.integers(1, 90), max_size=20))
def test_however_the_line_is_cut_the_same_is_said(said: list[bytes], cuts: list[int]) -> None:
    ours, theirs = agreed()
    line = b"".join(theirs.say(data) for data in said) + theirs.end()
    heard = b""
    for cut in [*cuts, len(line)]:
        piece, line = line[:cut], line[cut:]
        if piece:
            heard += ours.receive_data(piece)[0]
    assert heard == b"".join(said)
    assert ours.is_ended
    assert theirs.hear(ours.encrypt(b"still here")) == b"still here", "one end is closed, not the other"


def test_a_server_that_speaks_otherwise_is_told_by_its_first_byte() -> None:
    ours = TlsSession("127.0.0.1", verifies=True)
    assert ours.hello().startswith(b"\x16\x03")
    with pytest.raises(NotTls):
        ours.receive_answer(b"* Welcome\r\n")


def test_the_farewell_is_understood() -> None:
    ours, theirs = agreed()
    assert theirs.hear(ours.encrypt(b"bye")) == b"bye"
    assert theirs.hear(ours.farewell()) == b""
    assert theirs.is_ended
