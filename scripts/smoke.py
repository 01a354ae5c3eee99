"""Tries an environment into which the programs have been installed: python smoke.py ENVIRONMENT. From an empty directory, with the standard library.

What a stranger does in the first minute: they start the server, say hello by hand, have chat-tui say a line and see it stored, look for the pages and
completions, and stop it. It must never need the checkout.
"""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

TIMEOUT = 60.0
"""Seconds after which what did not come will not come."""


def main() -> int:
    environment = Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        _try(environment / "bin", Path(folder))
        _look(environment)
    print(f"{environment.name}: it serves, a line is stored, and pages and completions are there.")
    return 0


def _try(programs: Path, folder: Path) -> None:
    clean = {"HOME": str(folder), "PATH": os.defpath, "LANG": "C.UTF-8"}
    for name in ("chat-server", "chat-tui"):
        assert _run(clean, programs / name, "--version").startswith(f"{name} ")
        assert name in _run(clean, programs / name, "--print-completion", "bash")
    settings = folder / "chat.toml"
    settings.write_text(_run(clean, programs / "chat-server", "--print-config"), encoding="utf-8")
    common = ("--config", str(settings), "--data", str(folder / "data"))
    assert _run(clean, programs / "chat-server", *common, "--port", "0", "--check-config").endswith("good\n")
    command = [str(programs / "chat-server"), *common, "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=clean) as server:
        try:
            assert server.stderr is not None
            while not (ready := re.search(r"listening on \S+:(\d+)", line := server.stderr.readline())):
                assert line, "the server ended"
            port = int(ready[1])
            with socket.create_connection(("127.0.0.1", port), TIMEOUT) as caller:
                assert caller.recv(200).startswith(b"* Hello. This is chat-server"), "what nc would show"
            client = [programs / "chat-tui", "--plain", f"127.0.0.1:{port}", "--nick", "ann", "--room", "python"]
            assert "stored as 1" in _run(clean, *client, typed="is anybody there?\n")
            assert _run(clean, programs / "chat-server", "health", *common)
            found = [json.loads(line) for line in _run(clean, programs / "chat-server", "export", *common).splitlines()]
            assert any("is anybody there?" in json.dumps(one) for one in found), "it is kept"
        finally:
            server.send_signal(signal.SIGTERM)
            server.communicate(timeout=TIMEOUT)
    assert server.returncode == 0, "it stopped in good order"


def _look(environment: Path) -> None:
    share = environment / "share"
    for name in (
        "man/man1/chat-server.1",
        "man/man1/chat-tui.1",
        "man/man5/chat-server.toml.5",
        "man/man5/chat-tui.toml.5",
    ):
        assert (share / name).stat().st_size > 1000, name
    for folder in ("bash-completion/completions", "zsh/site-functions", "fish/vendor_completions.d"):
        assert len([*(share / folder).iterdir()]) == 2, folder
    find_screen = "import importlib.util as u; raise SystemExit(u.find_spec('chat_tui.ui.app') is None or u.find_spec('textual') is None)"
    subprocess.run([environment / "bin" / "python", "-I", "-c", find_screen], check=True)


def _run(environment: dict[str, str], *command: object, typed: str = "") -> str:
    words = [*map(str, command)]
    done = subprocess.run(
        words, input=typed, capture_output=True, text=True, check=False, env=environment, timeout=TIMEOUT
    )
    assert done.returncode == 0, f"{words} ended with {done.returncode}: {done.stderr[-2000:]}"
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
