"""Real proxies in front of a real server, with the very lines that docs/proxy.md says to write."""

import os
import re
import socket
import ssl
import stat
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from ipaddress import ip_address
from pathlib import Path

import pytest

import proxy_headers
from chat_server.server.listening import UNIX_SOCKET_MODE, address_of, open_listeners
from chat_server.wire.proxy_protocol import Forwarded, read_header
from processes import ROOT, TIMEOUT, ServerProcess, program, running_server

DOCUMENT = (ROOT / "docs" / "proxy.md").read_text(encoding="utf-8")
CALLER = "127.0.0.2"
"""An address of this machine's other than the one from which proxies connect."""

STREAM_MODULE = Path("/usr/lib/nginx/modules/ngx_stream_module.so")


def written(language: str) -> str:
    """The document's first block in this language."""
    block = re.search(rf"```{language}\n(.*?)```", DOCUMENT, re.DOTALL)
    assert block is not None
    return block[1]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


@contextmanager
def server_behind_a_proxy(folder: Path) -> Iterator[ServerProcess]:
    config = folder / "chat.toml"
    config.write_text(written("toml"))
    with running_server("--config", str(config), "--verbose") as server:
        yield server


@contextmanager
def running_proxy(*command: str, port: int) -> Iterator[None]:
    """A proxy that listens at this port."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as proxy:
        try:
            while not listens(port):
                assert proxy.poll() is None, proxy.communicate()[1].decode()
                time.sleep(0.02)
            yield
        finally:
            proxy.terminate()
            proxy.communicate()


def listens(port: int) -> bool:
    """Whether somebody listens there; the table of the kernel tells it without a connection."""
    table = Path("/proc/net/tcp").read_text()
    return f" 0100007F:{port:04X} 00000000:0000 0A " in table


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), TIMEOUT, (CALLER, 0))


def conversation(port: int, *, by_tls: bool = False) -> str:
    """What somebody reads who says that they are there, ends their side, and reads to the end, as `nc -N` does. By TLS they say that they go."""
    with connect(port) as connection:
        if by_tls:
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            with context.wrap_socket(connection) as caller:
                caller.sendall(b"/login ann\n/python\n/online\n/logout\n")
                return b"".join(iter(lambda: caller.recv(65536), b"")).decode().removesuffix("* Goodbye.\r\n")
        connection.sendall(b"/login ann\n/python\n/online\n")
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b"")).decode()


def who_came(server: ServerProcess) -> list[str]:
    """What the whole log says of callers, with their addresses."""
    assert server.stop() == 0
    return [line.split(": ", 1)[1].strip() for line in server.log if "caller" in line or "trusted proxy" in line]


CAME_AND_WENT = [f"a caller came address={CALLER}", f"a caller went address={CALLER}"]


@pytest.mark.parametrize("sends", ["send-proxy-v2-ssl", "send-proxy-v2", "send-proxy"])
def test_haproxy_tells_who_is_calling_and_its_health_checks_leave_no_trace(tmp_path: Path, sends: str) -> None:
    haproxy = program("haproxy", folder="/usr/sbin")
    with server_behind_a_proxy(tmp_path) as server:
        port = free_port()
        lines = written("haproxy").replace(":5010 send-proxy-v2-ssl", f":{server.port} {sends}")
        lines = re.sub(".* ssl crt .*\n", "", lines).replace("bind :5000", f"bind 127.0.0.1:{port}")
        config = tmp_path / "haproxy.cfg"
        config.write_text(lines.replace("check", "check inter 50ms"))
        with running_proxy(haproxy, "-db", "-f", str(config), port=port):
            assert conversation(port).endswith("* Nobody else is in python.\r\n")
            time.sleep(0.3)  # some checks
        came = who_came(server)
        if (
            sends == "send-proxy"
        ):  # its checks name its own address then, as the newer text of the specification wants it
            came = [line for line in came if not line.endswith("=127.0.0.1")]
        assert came == CAME_AND_WENT


def test_haproxy_tells_whether_the_caller_speaks_tls_with_it(tmp_path: Path) -> None:
    haproxy, openssl = program("haproxy", folder="/usr/sbin"), program("openssl")
    certificate = tmp_path / "chat.pem"
    making = f"{openssl} req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost -days 2"
    subprocess.run(
        [*making.split(), "-keyout", certificate, "-out", tmp_path / "c.pem"], check=True, capture_output=True
    )
    certificate.write_bytes((tmp_path / "c.pem").read_bytes() + certificate.read_bytes())
    plain, encrypted = free_port(), free_port()
    with socket.create_server(("127.0.0.1", 0)) as server:
        lines = written("haproxy").replace(":5010", f":{server.getsockname()[1]}").replace(" check", "")
        lines = lines.replace("bind :5000", f"bind 127.0.0.1:{plain}").replace(
            "bind :5443", f"bind 127.0.0.1:{encrypted}"
        )
        config = tmp_path / "haproxy.cfg"
        config.write_text(lines.replace("/etc/haproxy/chat.pem", str(certificate)))
        with running_proxy(haproxy, "-db", "-f", str(config), port=encrypted):
            for port, is_encrypted in ((plain, False), (encrypted, True)):
                told = header_from(openssl, port, server, is_encrypted=is_encrypted)
                assert told == Forwarded("127.0.0.1", told.size, is_encrypted)


def header_from(openssl: str, port: int, server: socket.socket, *, is_encrypted: bool) -> Forwarded:
    """The header that comes when somebody says something at this port of a proxy."""
    by_tls = [openssl, "s_client", "-quiet", "-connect", f"127.0.0.1:{port}"]
    command = by_tls if is_encrypted else [program("nc"), "127.0.0.1", str(port)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL) as client:
        assert client.stdin is not None
        client.stdin.write(b"hello\n")
        client.stdin.flush()
        connection, _ = server.accept()
        with connection:
            received = b""
            while not received.endswith(b"hello\n"):
                received += connection.recv(1024)
        client.kill()
    told = read_header(received)
    assert isinstance(told, Forwarded)
    assert received[told.size :] == b"hello\n"
    return told


def test_nginx_tells_who_is_calling(tmp_path: Path) -> None:
    nginx = program("nginx", folder="/usr/sbin")
    if not STREAM_MODULE.exists() and "CI" not in os.environ:
        pytest.skip("libnginx-mod-stream is not installed")
    with server_behind_a_proxy(tmp_path) as server:
        port = free_port()
        lines = written("nginx").replace(":5010", f":{server.port}").replace("listen 5000", f"listen 127.0.0.1:{port}")
        config = tmp_path / "nginx.conf"
        config.write_text(f"load_module {STREAM_MODULE};\npid {tmp_path}/pid;\nerror_log stderr;\n{lines}")
        foreground = "daemon off; master_process off;"
        server.wait_for_log("the certificate of TLS is")
        with running_proxy(nginx, "-c", str(config), "-p", str(tmp_path), "-e", "stderr", "-g", foreground, port=port):
            assert conversation(port).endswith("* Nobody else is in python.\r\n")
            said, calls = "", 1
            while not said:
                calls += 1
                with suppress(
                    ssl.SSLError
                ):  # on a busy machine nginx passes the hello on when the greeting has gone out
                    said = conversation(port, by_tls=True)
                assert calls < 10
            assert said.endswith("* Nobody else is in python.\r\n")
        came = [line for line in who_came(server) if "too late" not in line]
        assert sorted(came) == sorted(CAME_AND_WENT * calls)


def test_debian_s_caddy_has_not_got_what_the_document_says_that_it_takes(tmp_path: Path) -> None:
    """Should it have it one day, this fails, and the lines can be tried."""
    caddy = program("caddy")
    config = tmp_path / "Caddyfile"
    config.write_text(written("caddy"))
    command = [caddy, "adapt", "--config", str(config), "--adapter", "caddyfile"]
    adapted = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "unrecognized global option: layer4" in adapted.stderr
    assert "`unrecognized global option: layer4`" in DOCUMENT


@contextmanager
def server_at_a_unix_socket(folder: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    path = folder / "socket"
    config = folder / "chat.toml"
    config.write_text(f'[server]\nhost = "{path}"\n[proxy]\ntrusted = ["unix"]\n')
    command = [
        sys.executable,
        "-m",
        "chat_server",
        "--config",
        str(config),
        "--data",
        str(folder / "data"),
        "--verbose",
    ]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        try:
            while "to come in: by the proxy" not in server.stderr.readline():
                assert server.poll() is None
            yield server, path
        finally:
            server.kill()


def test_haproxy_reaches_the_server_by_a_unix_socket(tmp_path: Path) -> None:
    haproxy = program("haproxy", folder="/usr/sbin")
    with server_at_a_unix_socket(tmp_path) as (server, path):
        port = free_port()
        lines = written("haproxy").replace("127.0.0.1:5010", str(path))
        lines = re.sub(".* ssl crt .*\n", "", lines).replace("bind :5000", f"bind 127.0.0.1:{port}")
        config = tmp_path / "haproxy.cfg"
        config.write_text(lines)
        with running_proxy(haproxy, "-db", "-f", str(config), port=port):
            assert conversation(port).endswith("* Nobody else is in python.\r\n")
        server.terminate()
        log = server.communicate()[1]
        assert server.returncode == 0
        assert [line.split(": ", 1)[1] for line in log.splitlines() if "caller" in line] == CAME_AND_WENT


def test_a_unix_socket_takes_the_place_of_a_dead_one_and_of_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    (first,) = open_listeners(str(path), 0)
    assert stat.S_IMODE(path.stat().st_mode) == UNIX_SOCKET_MODE
    assert address_of(first) == str(path)
    with pytest.raises(OSError, match="in use"):
        open_listeners(str(path), 0)
    assert path.exists()
    first.close()
    (second,) = open_listeners(str(path), 0)
    second.close()
    path.unlink()
    path.write_text("mine")
    with pytest.raises(OSError, match="in use"):
        open_listeners(str(path), 0)
    assert path.read_text() == "mine"
    with pytest.raises(FileNotFoundError):
        open_listeners(str(tmp_path / "nowhere" / "socket"), 0)


def test_who_connects_only_to_see_whether_the_server_is_there_may_cut_the_connection(tmp_path: Path) -> None:
    with server_behind_a_proxy(tmp_path) as server:
        for sent in (b"", proxy_headers.local()):
            with socket.create_connection(("127.0.0.1", server.port), TIMEOUT) as proxy:
                proxy.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset
                proxy.sendall(sent)
        with socket.create_connection(("127.0.0.1", server.port), TIMEOUT) as proxy:  # it comes after them
            proxy.sendall(proxy_headers.v1(CALLER) + b'{"do":"ping"}\n')
            assert proxy.recv(100)
        assert who_came(server) == CAME_AND_WENT


def test_a_header_in_the_same_segment_as_what_the_caller_says_or_in_pieces_is_read_from_a_socket(
    tmp_path: Path,
) -> None:
    with server_behind_a_proxy(tmp_path) as server:
        for header in (proxy_headers.v1(CALLER), proxy_headers.v2(ip_address(CALLER))):
            for size in (1, 7, 1000):
                with socket.create_connection(("127.0.0.1", server.port), TIMEOUT) as proxy:
                    proxy.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    sent = header + b'{"do":"ping"}\n'
                    for at in range(0, len(sent), size):
                        proxy.sendall(sent[at : at + size])
                    assert proxy.recv(100).startswith(b'{"is":')
        assert sorted(who_came(server)) == sorted(CAME_AND_WENT * 6)


def test_a_proxy_that_is_not_trusted_is_refused_by_a_real_server_and_so_is_one_without_a_header(tmp_path: Path) -> None:
    with running_server() as server, socket.create_connection(("127.0.0.1", server.port), TIMEOUT) as proxy:
        proxy.sendall(proxy_headers.v2(ip_address(CALLER)))
        assert b"does not let your proxy say who is calling" in proxy.recv(1000)
        assert proxy.recv(1000) == b""
    with (
        server_behind_a_proxy(tmp_path) as server,
        socket.create_connection(("127.0.0.1", server.port), TIMEOUT) as proxy,
    ):
        proxy.sendall(b"/login ann\n")
        assert b"Your proxy did not say who is calling" in proxy.recv(1000)
        assert proxy.recv(1000) == b""
