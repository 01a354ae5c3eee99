"""The command `chat-tui trust`: a certificate is accepted by its fingerprint, in place of whatever was known of the server.

It is how a certificate that has changed, or that is not in order, is accepted by hand. It calls nobody.
"""

from collections.abc import Sequence
from pathlib import Path

from chat_server import console
from chat_server.protocol.fingerprints import BadFingerprint, in_groups, parse_fingerprint
from chat_tui.client.known_servers import KNOWN_SERVERS, KnownServers, address_of
from chat_tui.client.trust import AUTHORITY, is_fingerprint
from chat_tui.language import say
from chat_tui.settings import SettingsError, parse_address, state_directory


def run_trust(arguments: Sequence[str]) -> int:
    """Run the command. Returns the exit code: 0 well, 2 nothing was accepted."""
    try:
        chosen = _parser().parse_args(arguments)
        host, port = parse_address(chosen.address)
        fingerprint = parse_fingerprint(" ".join(chosen.fingerprint))
        servers = KnownServers((chosen.state or state_directory()) / KNOWN_SERVERS)
        known = servers.find(host, port)
        if trouble := servers.note(host, port, fingerprint):
            console.complain("chat-tui", trouble)
            return 2
        console.say(
            say("{server} is trusted by this fingerprint (SHA-256) from now on:", server=address_of(host, port))
        )
        console.say(f"  {in_groups(fingerprint)}")
        if known.word == AUTHORITY:
            console.say(
                say(
                    "Until now an authority vouched for it, since {day}. If one does again, that counts.",
                    day=known.first,
                )
            )
        elif is_fingerprint(known.word) and known.word != fingerprint:
            console.say(say("In place of this one, accepted on {day}:", day=known.first))
            console.say(f"  {in_groups(known.word)}")
        console.flush()
    except SettingsError as error:
        console.complain("chat-tui", error)
        return 2
    except BadFingerprint:
        console.complain("chat-tui", say("That is no fingerprint: it is sha256: and 64 digits, 0 to 9 and a to f."))
        return 2
    except console.OutputError as error:
        if str(error):
            console.complain("chat-tui", error)
        return 2
    return 0


def _parser() -> console.Parser:
    parser = console.Parser(
        prog="chat-tui trust",
        description=say(
            "Accept a server's certificate by its fingerprint, which chat-tui shows when it refuses one, in place of whatever was"
            " known of the server. The fingerprint must come from whoever runs it: chat-server fingerprint prints it there."
        ),
    )
    parser.add_argument("address", metavar="HOST[:PORT]", help=say("the server"))
    parser.add_argument(
        "fingerprint", metavar="FINGERPRINT", nargs="+", help=say("sha256: and 64 digits, in one word or in groups")
    )
    parser.add_argument(
        "--state",
        metavar="DIR",
        type=Path,
        help=say("where known_servers is kept (default: where the platform keeps it)"),
    )
    return parser
