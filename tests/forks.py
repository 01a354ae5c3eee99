"""The programs of this project as processes that are there at once: forks of one process that has imported them already.

Importing takes half a second of a start, and is the same every time. A fork is a process of its own in all else: its id, its files and streams,
its terminal, its signals, its environment, its memory and its end, for which the interpreter need only not take apart what was imported: most
of what a short program costs. Its output is buffered as ever, also under PYTHONUNBUFFERED. What a start and an end are made of besides is
tested where programs are started as a shell does it: in test_programs.py, test_extras.py and test_readme.py.

As a script this module is the process that forks.
"""

import atexit
import fcntl
import gc
import importlib
import io
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from types import ModuleType
from typing import Any, AnyStr

PARTS = {
    "chat_server": [
        "chat_server.server.process",
        "chat_server.journal.sqlite.engine",
        "chat_server.journal.sqlite.journal",
        "chat_server.maintenance_cli",
        "chat_server.rooms_cli",
        "chat_server.fingerprint_cli",
        "chat_server.admin_cli",
        "chat_server.admin_shown",
    ],
    "chat_tui": ["chat_tui.client.plain", "chat_tui.ui.app"],
}
"""What a program imports once it knows what it is asked for."""

_NUMBER_BYTES = 4


# Where a program is wanted.


class Popen(subprocess.Popen[AnyStr]):
    """As in subprocess, for the command [sys.executable, "-m" or "-c", ...]. In a new session a terminal as standard input becomes its own."""

    def _execute_child(self, command: Sequence[Any], *settings: Any) -> None:
        """Do what subprocess would do by fork and exec."""
        _, _, _, _, cwd, env, _, _, _, p2cread, p2cwrite, c2pread, c2pwrite, errread, errwrite, *_ = settings
        python, *words = map(str, command)
        assert python == sys.executable
        streams = [number if given == -1 else given for number, given in enumerate((p2cread, c2pwrite, errwrite))]
        closed = [number for number, stream in enumerate(streams) if stream == CLOSED]
        request = {
            "words": words,
            "cwd": str(cwd or os.getcwd()),
            "env": {**(os.environ if env is None else env)},
            "closed": closed,
            "has_session": settings[_START_NEW_SESSION],
        }
        self.pid, self._end = _FORKER.fork(request, streams)
        self._child_created = True
        self._close_pipe_fds(p2cread, p2cwrite, c2pread, c2pwrite, errread, errwrite)  # type: ignore[attr-defined] # it is private

    def _internal_poll(self, _deadstate: int | None = None, **_: Any) -> int | None:
        with suppress(subprocess.TimeoutExpired):
            self._wait(0)
        return self.returncode

    def _wait(self, timeout: float | None) -> int | None:
        if self.returncode is None:
            if not select.select([self._end], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
            code = self._end.recv(_NUMBER_BYTES)
            self._end.close()
            self.returncode = int.from_bytes(code, "big", signed=True)
        return self.returncode


_START_NEW_SESSION = 20
"""Where subprocess has it among its settings."""


CLOSED = -9
"""A standard stream that was closed before the program started."""


def run(
    command: Sequence[Any],
    *,
    input: Any = None,  # noqa: A002 - as in subprocess
    timeout: float | None = None,
    **settings: Any,
) -> subprocess.CompletedProcess[Any]:
    """As in subprocess."""
    if settings.pop("capture_output", False):
        settings |= {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    is_checked = settings.pop("check", False)
    if input is not None:
        settings["stdin"] = subprocess.PIPE
    with Popen[Any](command, **settings) as process:
        try:
            out, err = process.communicate(input, timeout)
        except BaseException:
            process.kill()
            raise
    done = subprocess.CompletedProcess(command, process.returncode, out, err)
    if is_checked:
        done.check_returncode()
    return done


class _Forker:
    """The process that forks: started when it is first wanted, and gone with the one that wants it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._control: socket.socket | None = None

    def fork(self, request: dict[str, Any], streams: Sequence[int]) -> tuple[int, socket.socket]:
        """Start a program; return its process id, and the socket that will have its exit code."""
        ours, theirs = socket.socketpair()
        data = json.dumps(request).encode()
        with theirs, self._lock:
            if self._control is None:
                self._start()
            assert self._control
            files = [theirs.fileno(), *(stream for stream in streams if stream != CLOSED)]
            socket.send_fds(self._control, [len(data).to_bytes(_NUMBER_BYTES, "big")], files)
            self._control.sendall(data)
        pid = ours.recv(_NUMBER_BYTES)
        assert pid, "the process that forks has ended"
        return int.from_bytes(pid, "big"), ours

    def _start(self) -> None:
        self._control, theirs = socket.socketpair()
        with theirs:
            process = subprocess.Popen(
                [sys.executable, __file__, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )
        atexit.register(_let_go, self._control, process)


def _let_go(control: socket.socket, process: "subprocess.Popen[bytes]") -> None:
    control.close()
    process.wait()


_FORKER = _Forker()


# Where programs are forked.


class _Child(Exception):
    """This is the new process now; the request says what it is to be."""

    def __init__(self, request: dict[str, Any]) -> None:
        self.request = request


def _serve(control: socket.socket) -> None:
    """Fork until nobody wants anything any more.

    Raises:
        _Child: in each fork.

    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who types Ctrl+C means the tests, and we go with them
    ended, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    ends: dict[int, socket.socket] = {}
    while True:
        ready = select.select([control.fileno(), ended], [], [])[0]
        if ended in ready:
            os.read(ended, 65536)
            _tell(ends)
        if control.fileno() in ready:
            head, files, _, _ = socket.recv_fds(control, _NUMBER_BYTES, 4)
            if not head:
                return
            request = json.loads(control.recv(int.from_bytes(head, "big"), socket.MSG_WAITALL))
            _prepare(request["words"])
            end, *streams = files
            if (pid := os.fork()) == 0:
                _become(request, streams)
                raise _Child(request)
            ends[pid] = socket.socket(fileno=end)
            ends[pid].sendall(pid.to_bytes(_NUMBER_BYTES, "big"))
            for stream in streams:
                os.close(stream)


def _tell(ends: dict[int, socket.socket]) -> None:
    """Tell how those have ended that have."""
    while ends:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        with ends.pop(pid) as end, suppress(BrokenPipeError):  # nobody waits for it
            end.sendall(os.waitstatus_to_exitcode(status).to_bytes(_NUMBER_BYTES, "big", signed=True))


def _prepare(words: list[str]) -> None:
    """Import what this command will need."""
    for program, modules in PARTS.items():
        if program in words[1] and modules[0] not in sys.modules:
            for module in modules:
                importlib.import_module(module)
            gc.collect()
            gc.freeze()  # its pages stay shared


def _become(request: dict[str, Any], streams: list[int]) -> None:
    """Leave everything behind that belongs to the process that forked us."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if request["has_session"]:
        os.setsid()
        with suppress(OSError):
            fcntl.ioctl(streams[0], termios.TIOCSCTTY, 0)
    for number in range(3):
        if number in request["closed"]:
            os.close(number)
        else:
            os.dup2(streams.pop(0), number)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    os.environ.clear()
    os.environ.update(request["env"])
    time.tzset()
    os.chdir(request["cwd"])
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        old, renewed = getattr(sys, name), None
        if number not in request["closed"]:
            renewed = io.TextIOWrapper(
                open(number, "wb" if number else "rb", closefd=False),  # noqa: SIM115 - a descriptor, for ever
                old.encoding,
                old.errors,
                line_buffering=number == 2 or os.isatty(number),
            )
        setattr(sys, name, renewed)
        setattr(sys, f"__{name}__", renewed)


def _run(option: str, what: str, *arguments: str) -> None:
    """Run as `python -m what` or `python -c what`."""
    sys.argv = [option, *arguments]
    if option == "-m":
        runpy.run_module(what, run_name="__main__", alter_sys=True)
    else:
        sys.modules["__main__"] = main = ModuleType("__main__")
        exec(what, main.__dict__)  # noqa: S102 - it is the test's own


def _end(code: int) -> None:
    """End as the interpreter does, but for the modules."""
    threading._shutdown()  # type: ignore[attr-defined] # it waits for threads
    atexit._run_exitfuncs()
    if (program := vars(sys.modules["__main__"])) is not globals():
        program.clear()
    gc.collect()
    try:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None and not stream.closed:
                stream.flush()
    except OSError:
        sys.exit(code)  # the interpreter tries that again, and says what is wrong
    os._exit(code)


if __name__ == "__main__":
    try:
        _serve(socket.socket(fileno=int(sys.argv[1])))
    except _Child as child:
        wanted = child.request["words"]
    else:
        os._exit(0)
    try:
        _run(*wanted)
    except SystemExit as ended:
        if not isinstance(ended.code, int | None):
            raise
        code = ended.code or 0
    else:
        code = 0
    _end(code)
