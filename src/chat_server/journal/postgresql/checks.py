"""What cannot be so of the tables in the database: for `check-journal`, since somebody may have written there by hand. Pure."""

from collections.abc import Iterator

from chat_server.journal.account_checks import Ask, account_problems

_FOUND = "coalesce((SELECT max(first + count - 1) FROM batch WHERE batch.room = room.id AND count > 0), kept_from - 1)"

_OTHER_LAST = f"SELECT name, last, {_FOUND} FROM room WHERE NOT is_deleted AND last <> {_FOUND} ORDER BY id"  # noqa: S608 - as above

_STRAYS: dict[str, str] = {
    """
    SELECT count, room, turn FROM batch WHERE NOT EXISTS (SELECT FROM room WHERE room.id = batch.room) ORDER BY 2, 3
    """: "{} lines of room {}, in its turn {}: the room is not there, so no export has them",
    _OTHER_LAST: "{}: {} is noted as the number of its last line, and {} is",
    """
    SELECT name, batch.turn, room.turn FROM batch JOIN room ON room.id = batch.room WHERE batch.turn > room.turn ORDER BY 1, 2
    """: "{}: there is a turn {}, and {} is noted as the last",
    """
    SELECT convert_from(sent.key, 'UTF8'), sender FROM sent LEFT JOIN room ON room.id = sent.room
        WHERE room.id IS NULL OR seq > last ORDER BY 2, 1
    """: "key {!r} of {!r} names a line that was never stored",
    """
    SELECT DISTINCT person, node FROM member WHERE NOT EXISTS (SELECT FROM node WHERE node.id = member.node) ORDER BY 2, 1
    """: "{} is in a room at node {}, which is not there",
    """
    SELECT nick, node FROM held WHERE NOT EXISTS (SELECT FROM node WHERE node.id = held.node) ORDER BY 2, 1
    """: "{} is a name that somebody has at node {}, which is not there",
}
"""Questions, and what is said of each row that they find."""


def problems(ask: Ask) -> list[str]:
    """What is wrong, one sentence for each row."""
    return [*account_problems(ask), *_strays(ask)]


def _strays(ask: Ask) -> Iterator[str]:
    for question, sentence in _STRAYS.items():
        for row in ask(question):
            yield sentence.format(*row)
