"""Sockets that systemd hands over: which of them a server listens on, and that whoever calls while none runs waits in them."""

import os
import resource
import signal
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from chat_server.config import Config, MetricsTable
from chat_server.server.handed import NOTHING, Handed, Unfit, as_handed, handed, handed_by_systemd
from chat_server.server.policy import policy_of
from handing_over import activated, listening
from processes import TIMEOUT


def greeted(address: tuple[str, int]) -> socket.socket:
    """Somebody who is greeted there."""
    caller = socket.create_connection(address, TIMEOUT)
    assert b"Hello. This is" in caller.recv(4096)
    return caller


@pytest.fixture
def one() -> Iterator[socket.socket]:
    with listening() as opened:
        yield opened


def test_what_is_meant_for_another_process_is_not_taken_and_nothing_of_it_is_left(one: socket.socket) -> None:
    environment = {"LISTEN_PID": str(os.getpid() + 1), "LISTEN_FDS": "1", "LISTEN_FDNAMES": "chat", "LANG": "C"}
    assert handed_by_systemd(environment) == NOTHING
    assert environment == {"LANG": "C"}
    for count in ("", "0", "-1", "many"):
        assert handed_by_systemd({"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": count}) == NOTHING


def test_there_is_a_name_for_each_of_them() -> None:
    environment = {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "2", "LISTEN_FDNAMES": "chat"}
    with pytest.raises(Unfit, match="1 names for 2 sockets"):
        handed_by_systemd(environment)


def test_each_is_for_what_its_name_says(one: socket.socket) -> None:
    with closing(
        handed([("tls", one.dup().detach()), ("chat", one.dup().detach())], "systemd", are_kept=True)
    ) as given:
        assert (len(given.chat), len(given.tls), given.are_kept) == (1, 1, True)
        assert not any(taken.get_inheritable() for taken in given.sockets)


@pytest.mark.parametrize(
    ("name", "why"), [("smtp", "called smtp: expected chat, tls, metrics"), ("", "called : expected")]
)
def test_a_name_that_means_nothing_here_is_said(name: str, why: str, one: socket.socket) -> None:
    with pytest.raises(Unfit, match=why):
        handed([(name, one.dup().detach())], "systemd", are_kept=True)


def test_what_cannot_be_listened_on_is_said_and_nothing_is_left_open(one: socket.socket) -> None:
    first, second = one.dup().detach(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM).detach()
    with pytest.raises(Unfit, match="does not listen"):
        handed([("chat", first), ("tls", second)], "systemd", are_kept=True)
    third = one.dup().detach()
    with pytest.raises(Unfit, match="called smtp"):
        handed([("smtp", one.dup().detach()), ("chat", third)], "systemd", are_kept=True)
    for closed in (first, second, third):
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(closed)
    with open(os.devnull) as file, pytest.raises(Unfit, match="is no socket"):
        handed([("chat", file.fileno())], "systemd", are_kept=True)
    with pytest.raises(Unfit, match="is no socket"):
        handed([("chat", resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 1)], "systemd", are_kept=True)


def test_who_may_register_hangs_on_where_the_sockets_listen_and_not_on_the_settings(one: socket.socket) -> None:
    assert policy_of(Config()).registration == "open"
    with listening("0.0.0.0") as for_all:  # noqa: S104 - nobody calls
        config = as_handed(Config(), Handed((one, for_all)))
        assert policy_of(config).registration == "invite"
        assert config.server.port == for_all.getsockname()[1]
    assert policy_of(as_handed(Config(), Handed((one,)))).registration == "open"


def test_where_metrics_are_handed_a_socket_a_reload_moves_them_nowhere(one: socket.socket) -> None:
    given = Handed((), metrics=(one,))
    settings = [as_handed(Config(metrics=MetricsTable(listen)), given) for listen in ("", "127.0.0.1:9464")]
    assert settings[0] == settings[1]
    assert settings[0].metrics.listen == f"127.0.0.1:{one.getsockname()[1]}"
    assert as_handed(Config(metrics=MetricsTable("127.0.0.1:9464")), NOTHING).metrics.listen == "127.0.0.1:9464"


def test_a_server_listens_on_what_it_is_handed_and_on_nothing_else(one: socket.socket, tmp_path: Path) -> None:
    with listening() as tls, activated([("chat", one), ("tls", tls)], "--port", "1", data=tmp_path / "data") as server:
        greeted(one.getsockname()).close()
        with socket.create_connection(tls.getsockname(), TIMEOUT) as caller:
            caller.settimeout(0.5)
            with pytest.raises(TimeoutError):  # nobody is greeted there before TLS
                caller.recv(100)
        assert server.log.count("listening on") == 2


def test_a_port_below_1024_needs_no_privilege_where_systemd_has_opened_it(tmp_path: Path) -> None:
    with socket.socket() as low:
        try:
            low.bind(("127.0.0.1", 992))
        except OSError as error:
            pytest.skip(f"nobody may open it here: {error.strerror}")
        low.listen()
        with activated([("chat", low)], data=tmp_path / "data"):
            greeted(low.getsockname()).close()


def test_whoever_calls_while_no_server_runs_waits_and_is_served_by_the_next(one: socket.socket, tmp_path: Path) -> None:
    address, data = one.getsockname(), tmp_path / "data"
    with activated([("chat", one)], data=data) as first:
        guest = greeted(address)
        guest.sendall(b"/login ann\n/join python\n")
        while b"You are in python" not in guest.recv(4096):
            pass
        first.signal(signal.SIGTERM)
        told = b""
        while data_now := guest.recv(4096):
            told += data_now
        assert b"* The server is being restarted: connect again in 1 second, and you are back. Goodbye." in told
        assert first.wait() == 0
        guest.close()
    with socket.create_connection(address, TIMEOUT) as waiting, activated([("chat", one)], data=data):
        assert b"Hello. This is" in waiting.recv(4096)


def test_after_a_server_was_killed_whoever_waited_is_served_by_the_next_and_nothing_is_lost(
    one: socket.socket, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    with activated([("chat", one)], data=data) as first:
        with greeted(one.getsockname()) as guest:
            guest.sendall(b"/login ann\n/join python\nhello\n/last 1\n")
            seen = b""
            while b"ann: hello" not in seen:
                seen += guest.recv(4096)
        first.signal(signal.SIGKILL)
        first.wait()
    with socket.create_connection(one.getsockname(), TIMEOUT) as waiting, activated([("chat", one)], data=data):
        waiting.sendall(b"/login bob\n/join python\n")
        seen = b""
        while b"ann: hello" not in seen:
            more = waiting.recv(4096)
            assert more
            seen += more


def test_a_socket_that_is_none_is_the_end_of_the_start(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        datagrams.bind(("127.0.0.1", 0))
        with activated([("chat", datagrams)], data=tmp_path / "data") as server:
            assert server.wait() == 2
            assert server.log == (
                "chat-server: systemd hands over a socket that does not listen for streams (ListenStream=, and Accept=no)\n"
            )
