"""What chat-tui does until its panes are seen for the first time: nothing twice, and nothing that can wait."""

import gc
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import pytest
from textual.screen import Screen

from chat_tui.cli import main
from chat_tui.client.client import Client
from chat_tui.ui import pinned
from chat_tui.ui.server import Server
from stories import FakeConnection, Pilot, StoryApp, _really_draw, beginning, play, settle


def styles_of(app: StoryApp) -> dict[object, object]:
    return {
        node: (node.styles.css, {name: styles.css for name, styles in node._component_styles.items()})
        for node in app.main.walk_children(with_self=True)
    }


class Watched(StoryApp):
    """A program that notes what it does on its way to the first frame."""

    def __init__(self) -> None:
        super().__init__(beginning("python"))
        self.drawn: list[bool] = []
        """Of each time that the panes were drawn: whether that was written."""
        self.drawn_before_connecting: list[int] = []
        self.styled: list[dict[object, object]] = []
        self.styled_anew = 0
        """How often all of the screen was styled that had been before."""
        compositor, show = self.main._compositor, self.main.show
        draw, style = compositor.render_update, self.main.update_node_styles

        def render_update(**how: Any) -> Any:
            self.drawn.append(not self._batch_count)
            return draw(**how)

        def look_and_show() -> None:
            self.styled.append(styles_of(self))
            style(animate=False)
            self.styled.append(styles_of(self))
            show()

        def style_anew(animate: bool = True) -> None:
            self.styled_anew += not self.main.seen.is_set()
            style(animate=animate)

        setattr(compositor, "render_update", render_update)  # noqa: B010 - for a type checker a method cannot be replaced
        setattr(self.main, "show", look_and_show)  # noqa: B010 - the same
        setattr(self.main, "update_node_styles", style_anew)  # noqa: B010 - the same

    def new_client(self, server: Server, host: str, port: int, nick: str) -> Client:
        client = super().new_client(server, host, port, nick)
        connection = cast("FakeConnection", client.connection)
        run = connection.run

        async def note_and_run() -> None:
            self.drawn_before_connecting.append(len(self.drawn))
            await run()

        setattr(connection, "run", note_and_run)  # noqa: B010 - the same
        return client


@pytest.fixture(scope="module")
def watched() -> Watched:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Screen, "_compositor_refresh", _really_draw)
        return seen()


def seen() -> Watched:
    app = Watched()

    async def act(pilot: Pilot) -> None:
        await settle(pilot)

    play(app, act)
    return app


def test_before_it_is_seen_everything_is_styled_as_it_would_be_once_more(watched: Watched) -> None:
    before, after = watched.styled
    assert len(before) > 20
    assert before == after
    assert not watched.styled_anew


def test_nothing_is_drawn_that_is_not_written(watched: Watched) -> None:
    assert watched.drawn
    assert all(watched.drawn)


def test_the_panes_are_seen_before_anybody_is_called(watched: Watched) -> None:
    (drawn,) = watched.drawn_before_connecting
    assert drawn >= 1


def test_nothing_is_collected_while_it_starts_nor_much_imported_before_that() -> None:
    check = """
import gc, sys
from chat_tui import cli
if "msgspec" in sys.modules:
    sys.exit("it is imported too early")
import chat_tui.starting
chat_tui.starting.run = lambda _: gc.isenabled()
sys.exit(cli.main([]) or not gc.isenabled())
"""
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_line_by_line_what_is_not_needed_is_collected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[bool] = []

    def run_plain(*_: object, **__: object) -> int:
        found.append(gc.isenabled())
        return 0

    monkeypatch.setattr("chat_tui.client.plain.run_plain", run_plain)
    assert main(["--plain", "--state", str(tmp_path), "--config", os.devnull, "127.0.0.1:9"]) == 0
    assert found == [True]


def test_textuals_palette_is_left_out_only_where_it_is_known_and_not_there_already(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    there = sys.modules[pinned.PALETTE]
    pinned.leave_out_palette()
    assert sys.modules[pinned.PALETTE] is there
    monkeypatch.delitem(sys.modules, pinned.PALETTE)
    monkeypatch.setattr(pinned, "is_pinned", lambda: False)
    pinned.leave_out_palette()
    assert pinned.PALETTE not in sys.modules


def test_what_stands_for_textuals_palette_has_all_that_textual_takes_from_it(monkeypatch: pytest.MonkeyPatch) -> None:
    real = sys.modules[pinned.PALETTE]
    monkeypatch.delitem(sys.modules, pinned.PALETTE)
    pinned.leave_out_palette()
    assert {name for name in pinned.OF_PALETTE if not hasattr(real, name)} == set()
