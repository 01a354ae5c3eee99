"""Runs a program as the unit in docs/systemd has it run, as far as that needs no systemd: its system calls, no new rights, no code that it writes.

python confined.py UNIT PROGRAM ARGUMENTS... What is refused, is refused with EPERM, as SystemCallErrorNumber= says.
"""

import ctypes
import errno
import os
import subprocess
import sys
from pathlib import Path

ALLOW, REFUSE = 0x7FFF0000, 0x00050000 | errno.EPERM
"""SCMP_ACT_ALLOW and SCMP_ACT_ERRNO(EPERM) (seccomp.h)."""

PR_SET_NO_NEW_PRIVS, PR_SET_MDWE, NO_GAIN = 38, 65, 1
"""See prctl(2); PR_SET_MDWE is Linux 6.3's, and is what MemoryDenyWriteExecute= has newer releases of systemd use."""


def calls_in(group: str) -> set[str]:
    """The system calls of a group (systemd.exec(5), SystemCallFilter=), of those in it too."""
    listed = subprocess.run(["systemd-analyze", "syscall-filter", group], capture_output=True, text=True, check=True)
    names = {line.strip() for line in listed.stdout.splitlines()[1:] if line.strip() and line.strip()[0] != "#"}
    inner = {name for name in names if name.startswith("@")}
    return (names - inner).union(*map(calls_in, inner))


def allowed_by(unit: Path) -> set[str]:
    """The system calls that a unit allows: the first line says which, those that begin with ~ which not."""
    allowed: set[str] = set()
    for line in unit.read_text().splitlines():
        if line.startswith("SystemCallFilter="):
            value = line.removeprefix("SystemCallFilter=")
            named = set[str]().union(*map(calls_in, value.removeprefix("~").split()))
            allowed = allowed - named if value.startswith("~") else allowed | named
    return allowed


def confine(unit: Path) -> None:
    """Let this process, and whatever it becomes, do no more than the unit lets it."""
    names = allowed_by(unit)
    libc, seccomp = ctypes.CDLL(None, use_errno=True), ctypes.CDLL("libseccomp.so.2")
    seccomp.seccomp_init.restype = ctypes.c_void_p
    rules = ctypes.c_void_p(seccomp.seccomp_init(REFUSE))
    for name in names:
        number = seccomp.seccomp_syscall_resolve_name(name.encode())
        if number >= 0:
            assert seccomp.seccomp_rule_add(rules, ALLOW, number, 0) == 0, name
    assert libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
    if libc.prctl(PR_SET_MDWE, NO_GAIN, 0, 0, 0) != 0:
        assert ctypes.get_errno() == errno.EINVAL, "it is an older kernel, or something else is wrong"
    assert seccomp.seccomp_load(rules) == 0


if __name__ == "__main__":
    confine(Path(sys.argv[1]))
    os.execv(sys.argv[2], sys.argv[2:])
