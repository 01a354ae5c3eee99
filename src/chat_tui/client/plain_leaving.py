"""What chat-tui line by line says at its end: what was typed and is not done, and where it is kept. Never knows why it ends."""

from collections.abc import Iterator

from chat_tui.client.client import Client
from chat_tui.client.pipes import Input
from chat_tui.language import say, say_count, sentences


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
        yield say("The input could not be read to its end: {why}.", why=input_.why_ended)
    if is_lost:
        connection = client.connection
        yield say("There was no connection to {host}, port {port}.", host=connection.host, port=connection.port)
    if unsent := len(store.unsent):
        what = say_count("{number} line is not stored.", "{number} lines are not stored.", unsent)
        if store.is_kept:
            kept = say_count(
                "It is kept in {place}, and will be sent when chat-tui is next connected to {host}. Do not send it again.",
                "They are kept in {place}, and will be sent when chat-tui is next connected to {host}. Do not send them again.",
                unsent,
                place=store.directory,
                host=client.connection.host,
            )
        else:
            kept = say_count("Nothing keeps it.", "Nothing keeps them.", unsent)
        yield sentences(what, kept)
    if roomless > 1:
        yield say("{count} lines were not sent: there was no room to send them to.", count=roomless)
    if waiting := input_.waiting:
        if is_interactive:
            yield say_count(
                "{number} line of the input is neither sent nor kept.",
                "{number} lines of the input are neither sent nor kept.",
                waiting,
            )
        else:
            yield say_count(
                "{number} line of the input is neither sent nor kept, from this one on: {line}",
                "{number} lines of the input are neither sent nor kept, from this one on: {line}",
                waiting,
                line=client.without_secrets(str(input_.next))[:40],
            )
    if not input_.is_ended and not is_interactive:
        yield say("The rest of the input was not read.")
