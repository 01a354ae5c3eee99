"""What telnet's commands do to the line that is being written. Pure; never knows options, which negotiation.py does."""

from collections.abc import Iterator

from chat_server.protocol.incoming import Echo
from chat_server.wire.connection_events import AreYouThere
from chat_server.wire.editor.line_editor import LineEditor
from chat_server.wire.line_mode import LineMode
from chat_server.wire.telnet.options import Code


def carry_out(code: int, editor: LineEditor | None, lines: LineMode) -> Iterator[AreYouThere | Echo]:
    """Do what one of telnet's commands asks for: to the line where it is edited, here or there."""
    match code:
        case Code.AYT:
            yield AreYouThere()
        case Code.IP | Code.BRK if editor:
            yield Echo(editor.abandon())
        case Code.EL if editor:
            editor.erase_line()
        case Code.EC if editor:
            editor.erase_character()
        case Code.IP | Code.BRK | Code.EL:
            lines.erase_line()
        case Code.EC:
            lines.erase_character()
        case _:
            pass  # NOP, GA, DM, AO, ...: nothing to do here
