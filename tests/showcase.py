"""A morning of some people who make something together: for the pictures in the documents, and those that tests compare."""

import re
from html import unescape
from typing import Any

from msgspec.structs import replace
from rich.cells import cell_len

from chat_server.protocol import entries, events
from chat_server.protocol.amending import Edited, Reacted, Redacted
from chat_server.protocol.conversation_events import ConversationsListed, Conversing
from chat_server.protocol.entries import Acted, Said, TopicSet
from chat_server.protocol.events import Event, Joined, Left, RoomsListed
from chat_tui.client.pending import Pending
from chat_tui.settings import Settings
from stories import NOON, Pilot, StoryApp, play, settle, welcome

DAY = 86_400

ROOMS = (
    ("release", 9),
    ("parser", 5),
    ("docs", 3),
    ("lounge", 31),
    ("random", 44),
    ("announce", 120),
    ("help", 17),
    ("infra", 6),
    ("jobs", 4),
    ("reading", 8),
    ("running", 5),
    ("music", 12),
)
TOPICS = {
    "announce": "What is new, and nothing else",
    "help": "No question is too small",
    "release": "1.4 goes out on Wednesday",
    "infra": "Mirrors, builds, certificates",
    "reading": "This month: The Left Hand of Darkness",
    "music": "What keeps you going",
    "lounge": "Tea, and everything else",
}

CODE = """this is all there is to it:
```python
async def frames(stream) -> Frames:
    async for piece in stream:
        yield piece.partition(b"\\n")[0]
```"""


def lines() -> list[Event]:
    """What is said in the room of the picture: yesterday afternoon, and this morning."""
    yesterday, today = NOON - DAY + 4 * 3600, NOON - 3 * 3600
    said = [
        ("grace", yesterday - 3000, "the mirrors are all at 1.3.9 by now, two of them since this morning only"),
        ("heidi", yesterday - 2940, "then nothing is in the way of 1.4 from my side"),
        ("bob", yesterday - 2880, "nor from mine"),
        ("dave", yesterday - 2700, "one thing: the page about upgrading still says that one stops the server first"),
        ("heidi", yesterday - 2640, "I take that, it is two sentences"),
        ("ann", yesterday - 2580, "thank you"),
        ("bob", yesterday - 300, "the new parser is in `wire/json_lines.py`, no flag needed any more"),
        (
            "Carol",
            yesterday + 180,
            "it takes a burst of 5,000 lines without a hiccup, and the outbox stays empty. I had expected worse of two cores",
        ),
        ("ann", yesterday + 240, "great, then it goes out on Wednesday"),
        ("erin", today + 12 * 60, "has anybody a recipe for reading one frame too many?"),
        ("dave", today + 14 * 60, CODE),
        ("Carol", today + 31 * 60, "0.35 µs for each delivery, on a machine with two cores that is not new"),
        ("bob", today + 32 * 60, "@ann see https://example.org/bench before it goes out?"),
    ]
    told: list[Event] = [Said("release", seq, at, nick, text) for seq, (nick, at, text) in enumerate(said, 1)]
    before = len(told) - 7  # what the others are counted from
    told[-1] = Said("release", before + 7, today + 32 * 60, "bob", said[-1][2], re=before + 6)
    first, later = told[: before + 3], told[before + 3 :]
    return [
        entries.Recalled("release", tuple(first), None, before + 3, ""),  # type: ignore[arg-type] # all of them are lines
        *later,
        Reacted("release", before + 8, yesterday + 300, "bob", "👍", of=before + 2, whom="Carol"),
        Reacted("release", before + 9, yesterday + 301, "dave", "👍", of=before + 2, whom="Carol"),
        Reacted("release", before + 10, yesterday + 302, "ann", "🎉", of=before + 2, whom="Carol"),
        Edited("release", before + 11, yesterday + 400, "ann", "great, then it goes out on Wednesday", of=before + 3),
        Acted("release", before + 12, today + 33 * 60, "erin", "waves at everybody who is new here"),
        TopicSet("release", before + 13, today + 35 * 60, "bob", "1.4 goes out on Wednesday"),
        Said("release", before + 14, today + 40 * 60, "frank", "你好! 今天发布吗? 我可以测试 👋"),
        Said("release", before + 15, today + 41 * 60, "frank", "oh, not before noon"),
        Redacted(
            "release",
            before + 16,
            today + 42 * 60,
            "frank",
            f"#{before + 15}",
            whom="frank",
            of=((before + 15, before + 15),),
        ),
    ]


def morning() -> list[Event]:
    """Everything that has come since the start."""
    people = ("bob", "Carol", "dave", "erin", "frank", "grace", "heidi", "李雷")
    entered = events.Entered(
        "release",
        people,
        0,
        "1.4 goes out on Wednesday",
        0,
        roles={"bob": "owner", "Carol": "moderator"},
        away=("grace", "heidi"),
        reasons={"grace": "lunch", "heidi": "till Mon"},
        now=NOON,
    )
    listed = ConversationsListed((Conversing("@bob", 1), Conversing("@李雷", 1), Conversing("@erin", 1)))
    return [
        welcome(),
        events.LoggedIn("ann", "t" * 22),
        RoomsListed(ROOMS, TOPICS),
        entered,
        *(events.Entered(room, ("bob",), 0, "", 0) for room in ("parser", "docs", "lounge", "random")),
        listed,
        *(Said(f"@{nick}", 1, NOON - DAY, nick, "see you tomorrow") for nick in ("李雷", "erin")),
        *lines(),
        *(Said("parser", seq, NOON, "dave", "ann: look at this" if seq > 10 else "more") for seq in range(1, 13)),
        *(Said("docs", seq, NOON, "erin", "a page") for seq in range(1, 13)),
        *(Said("random", seq, NOON, "grace", "a cat") for seq in range(1, 88)),
        Said("@bob", 2, NOON, "bob", "have you a minute?"),
        Left("release", ("grace",)),
        Joined("release", ("grace", "judy", "ken")),
    ]


READ = 11
"""The newest line that the user had read."""

PICTURES = {
    "chat-tui": ("chat-dark", (120, 38)),
    "chat-tui-light": ("chat-light", (120, 38)),
    "chat-tui-wide": ("chat-dark", (200, 60)),
    "chat-tui-80x24": ("chat-dark", (80, 24)),
    "chat-tui-40x15": ("chat-light", (40, 15)),
}
"""The pictures in the documents: the theme, and how many columns and rows."""


def picture(name: str) -> str:
    """One of them, as SVG."""
    drawn: list[str] = []
    theme, size = PICTURES[name]
    app = showcase(theme)

    async def draw(pilot: Pilot) -> None:
        await arrange(pilot)
        drawn.append(app.export_screenshot(title="chat-tui"))

    play(app, draw, size=size)
    return _TEXT.sub(_as_wide_as_it_is, drawn[0])


CELL = 12.2
"""How wide a column is in such a picture."""

_TEXT = re.compile(r'(<text [^>]*textLength=")[^"]*("[^>]*>)([^<]*)(</text>)')


def _as_wide_as_it_is(found: re.Match[str]) -> str:
    """A text with the length that it has: Rich counts a wide character as one column."""
    begin, middle, text, end = found.groups()
    return f"{begin}{cell_len(unescape(text)) * CELL:.4g}{middle}{text}{end}"


def showcase(theme: str = "chat-dark", **more: Any) -> StoryApp:
    """The program, on that morning."""
    app = StoryApp(morning(), settings=replace(Settings(theme=theme), **more))
    client = app.client
    client.connection.host = "chat.example.org"
    client.state.room("release").read = READ
    client.saved.read |= {"release": READ, "@李雷": 1, "@erin": 1}
    return app


async def arrange(pilot: Pilot) -> None:
    """Some rooms are pinned, or muted, one has a draft, and a line is on its way."""
    app: Any = pilot.app
    choices = app.client.state.choices
    for room in ("release", "parser"):
        choices.pin(room, is_wanted=True)
    choices.mute("random", is_wanted=True)
    app.client.note_draft("lounge", "shall we have")
    app.client.state.typed(Pending("k", "release", "say", "the bench is fine by me. On my way", NOON + 3600))
    app.client.note_changed()
    await settle(pilot)
