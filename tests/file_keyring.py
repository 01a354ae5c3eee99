"""A backend for the package keyring that keeps secrets in a file, and does what the environment says: works, is locked, asks, or never answers.

`PYTHON_KEYRING_BACKEND=file_keyring.FileKeyring` chooses it; FILE_KEYRING names the file, FILE_KEYRING_DOES what it does.
"""

import getpass
import json
import os
import sys
import time
from pathlib import Path

from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked, PasswordDeleteError


class FileKeyring(KeyringBackend):
    priority = 5

    def _entries(self) -> dict[str, str]:
        match os.environ.get("FILE_KEYRING_DOES", ""):
            case "locked":
                raise KeyringLocked("of this nobody reads what may be secret")
            case "hangs":
                time.sleep(1000)
            case "asks":
                getpass.getpass()
            case "speaks":
                sys.stdout.write("hello")
        path = Path(os.environ["FILE_KEYRING"])
        found: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
        return found

    def _write(self, entries: dict[str, str]) -> None:
        Path(os.environ["FILE_KEYRING"]).write_text(json.dumps(entries))

    def get_password(self, service: str, username: str) -> str | None:
        return self._entries().get(f"{service}: {username}")

    def set_password(self, service: str, username: str, password: str) -> None:
        self._write({**self._entries(), f"{service}: {username}": password})

    def delete_password(self, service: str, username: str) -> None:
        entries = self._entries()
        if entries.pop(f"{service}: {username}", None) is None:
            raise PasswordDeleteError
        self._write(entries)
