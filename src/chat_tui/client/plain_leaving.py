"""What chat-tui line by line says at its end: what was typed and is not done, and where it is kept. Never knows why it ends."""

from collections.abc import Iterator

from chat_tui.client.accounts import without_secrets
from chat_tui.client.client import Client
from chat_tui.client.pipes import Input


def left_over(client: Client, input_: Input, roomless: int, *, is_lost: bool, is_interactive: bool) -> Iterator[str]:
    """What is left, in sentences.

    Args:
        client: who said what was typed.
        input_: what was typed.
        roomless: lines that had no room to go to.
        is_lost: whether it is left because there was no connection.
        is_interactive: whether somebody sits there, who knows what they have not typed.

    """
    store = client.store
    if input_.why_ended:
        yield f"The input could not be read to its end: {input_.why_ended}."
    if is_lost:
        yield f"There was no connection to {client.connection.host}, port {client.connection.port}."
    if unsent := len(store.unsent):
        what = "1 line is not stored." if unsent == 1 else f"{unsent} lines are not stored."
        if store.is_kept:
            they = "It is" if unsent == 1 else "They are"
            yield (
                f"{what} {they} kept in {store.directory}, and will be sent when chat-tui is next connected to"
                f" {client.connection.host}. Do not send {'it' if unsent == 1 else 'them'} again."
            )
        else:
            yield f"{what} Nothing keeps {'it' if unsent == 1 else 'them'}."
    if roomless > 1:
        yield f"{roomless} lines were not sent: there was no room to send them to."
    if waiting := input_.waiting:
        lines = "1 line of the input is" if waiting == 1 else f"{waiting} lines of the input are"
        which = "" if is_interactive else f", from this one on: {without_secrets(str(input_.next))[:40]}"
        yield f"{lines} neither sent nor kept{which}{'.' if is_interactive else ''}"
    if not input_.is_ended and not is_interactive:
        yield "The rest of the input was not read."
