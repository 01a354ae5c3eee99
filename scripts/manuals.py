"""Writes the manual pages (docs/man) and the completions (in the packages, so that --print-completion finds them). Run by scripts/manuals."""

import sys
from collections.abc import Iterator
from pathlib import Path

import manual_completions
import manual_pages
import manual_tree

ROOT = Path(__file__).resolve().parents[1]


def written() -> Iterator[tuple[Path, str]]:
    """Each file, with what belongs in it."""
    man = ROOT / "docs" / "man"
    server, client = manual_tree.server(), manual_tree.client()
    yield man / "man1" / "chat-server.1", manual_pages.server_page(server)
    yield man / "man1" / "chat-tui.1", manual_pages.client_page(client)
    yield man / "man5" / "chat-server.toml.5", manual_pages.server_settings_page()
    yield man / "man5" / "chat-tui.toml.5", manual_pages.client_settings_page()
    for program, package, whole in (("chat-server", "chat_server", server), ("chat-tui", "chat_tui", client)):
        for shell, write in manual_completions.SHELLS.items():
            yield ROOT / "src" / package / "completions" / f"{program}.{shell}", write(program, whole)


def main() -> int:
    is_checking = sys.argv[1:] == ["--check"]
    old = 0
    for path, text in written():
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        old += 1
        print(path.relative_to(ROOT))
        if not is_checking:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    return int(is_checking and old > 0)


if __name__ == "__main__":
    sys.exit(main())
