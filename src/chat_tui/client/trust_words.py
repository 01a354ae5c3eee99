"""Why a server is not trusted, for people: what happened, what to compare, and what to do next, in words. Pure.

The screens, the line-by-line program and the command `chat-tui trust` say the same. Never knows how it is shown.
"""

from collections.abc import Iterator

from msgspec import Struct

from chat_server.protocol.fingerprints import in_groups
from chat_tui.client.known_servers import NOTHING, Known, address_of
from chat_tui.client.trust import About, Unsettled, is_fingerprint
from chat_tui.language import message, say, sentences

COMMAND = "chat-tui trust"
FLAG = "--plaintext"

GROUPS_IN_ROW = 8
"""Groups of a fingerprint that stand in a row, where there is place: two rows, of which each can be read out in one breath."""


class Compared(Struct, frozen=True):
    """A fingerprint that the user compares with another."""

    label: str
    fingerprint: str

    def rows(self, columns: int = 0) -> list[str]:
        """Its groups, as many in a row as there is place for; all of its rows are of one length. `columns` is 0 where rows may be long."""
        groups = in_groups(self.fingerprint).split(" ")
        count = GROUPS_IN_ROW
        while columns and count > 1 and 5 * count - 1 > columns:
            count //= 2
        return [" ".join(groups[at : at + count]) for at in range(0, len(groups), count)]


class Doubt(Struct, frozen=True):
    """Why nothing was said to a server."""

    host: str
    port: int
    unsettled: Unsettled
    known: Known = NOTHING
    flag: str = ""
    """What the command needs besides, to find the file."""

    @property
    def server(self) -> str:
        """Which one."""
        return say("{host}, port {port}", host=self.host, port=self.port)

    @property
    def title(self) -> str:
        """What happened, in one sentence."""
        return say(_TITLES[self.unsettled.about], server=self.server)

    @property
    def what(self) -> str:
        """What that means."""
        about = self.unsettled.about
        nothing_said = "" if about in (About.FIRST_USE, About.PLAIN_TEXT) else say("Nothing has been sent to it.")
        return sentences(say(_WHAT[about], host=self.host, since=self.known.first), nothing_said)

    @property
    def compared(self) -> list[Compared]:
        """The fingerprints to compare."""
        seen, known = self.unsettled.fingerprint, self.unsettled.known
        if not seen:
            return []
        if is_fingerprint(known):
            return [Compared(say("Since {day}", day=self.known.first), known), Compared(say("Now"), seen)]
        return [Compared(say("Its fingerprint"), seen)]

    @property
    def command(self) -> str:
        """The one command that accepts what is seen; "" where it takes more than that."""
        from shlex import quote  # noqa: PLC0415 - most servers are trusted

        about, address = self.unsettled.about, quote(address_of(self.host, self.port))
        if about is About.NO_AUTHORITY:
            return ""
        if not self.unsettled.fingerprint:
            return f"chat-tui {FLAG} {address}{self.flag}"
        return f"{COMMAND} {address} {self.unsettled.fingerprint}{self.flag}"

    @property
    def yes(self) -> str:
        """What the user is asked to agree to; "" if they are not asked."""
        if not self.unsettled.accepts:
            return ""
        return say("Trust it") if self.unsettled.about is About.FIRST_USE else say("Go on without encryption")

    def todo(self, *, is_asked: bool) -> str:
        """What to do next. `is_asked`: whether the user is asked, where they can be; else the command follows, if there is one."""
        about = self.unsettled.about
        return sentences(*map(say, (_TODO_WHERE_ASKED if is_asked and self.yes else _TODO)[about]))

    def lines(self, *, is_asked: bool) -> Iterator[str]:
        """All of it, line by line."""
        yield self.title
        yield self.what
        for compared in self.compared:
            yield f"{compared.label} (SHA-256):"
            yield from (f"  {row}" for row in compared.rows())
        yield self.todo(is_asked=is_asked)
        if self.command and not (is_asked and self.yes):
            yield f"  {self.command}"


_TITLES = {
    About.FIRST_USE: message("Nobody vouches for {server}."),
    About.PLAIN_TEXT: message("{server}, does not encrypt."),
    About.CHANGED: message("The certificate of {server}, has changed."),
    About.NO_AUTHORITY: message("No authority vouches for {server}, any more."),
    About.NOT_YET_VALID: message("The certificate of {server}, is not valid yet."),
    About.EXPIRED: message("The certificate of {server}, has expired."),
    About.WRONG_NAME: message("The certificate of {server}, is for another name."),
    About.FAULTY: message("The certificate of {server}, is not in order."),
    About.NO_LONGER_TLS: message("{server}, has stopped encrypting."),
}

_WHAT = {
    About.FIRST_USE: message(
        "It encrypts, but its certificate is from no authority that this computer knows, and you have"
        " not been there before. Only its fingerprint tells it from somebody who stands between."
    ),
    About.PLAIN_TEXT: message(
        "Whoever is between here and there can read and change what you say, and take the secret that"
        " proves your nickname."
    ),
    About.CHANGED: message(
        "It is not the one that was accepted here. The server has a new one, or somebody stands between."
    ),
    About.NO_AUTHORITY: message(
        "An authority that this computer knows has vouched for it since {since}, and none does for"
        " what answers now. Somebody may stand between."
    ),
    About.NOT_YET_VALID: message(
        "It is from an authority, but its time has not begun, or this computer's clock is wrong."
    ),
    About.EXPIRED: message(
        "It is from an authority, but its time is over: nobody has renewed it, or this computer's clock is"
        " wrong, or somebody uses an old one."
    ),
    About.WRONG_NAME: message(
        "It is from an authority, but not for {host}. The address is not the server's proper name, or"
        " somebody else answers."
    ),
    About.FAULTY: message("It is not what an authority gives out for a server."),
    About.NO_LONGER_TLS: message(
        "It has spoken TLS before, and answers without it now. TLS was turned off there, or somebody"
        " between keeps you from it."
    ),
}

COMPARE = message("Compare it with what whoever runs the server tells you: `chat-server fingerprint` prints it there.")
_ALL_THE_SAME = message("This accepts the certificate all the same; then try again:")

_TODO = {
    About.FIRST_USE: (COMPARE, message("If it is the same, this accepts it; then try again:")),
    About.PLAIN_TEXT: (message("If that is all right here, this goes on without encryption:"),),
    About.CHANGED: (
        message("Ask whoever runs the server, by another way, for the fingerprint of the new one."),
        message("If it is the same, this accepts it; then try again:"),
    ),
    About.NO_AUTHORITY: (
        message("Ask whoever runs the server, and try again later."),
        message("`chat-tui trust --help` says how another certificate is accepted after all."),
    ),
    About.NOT_YET_VALID: (message("Look at the clock. If it is right, ask whoever runs the server."), _ALL_THE_SAME),
    About.EXPIRED: (message("Tell whoever runs the server, and try again later."), _ALL_THE_SAME),
    About.WRONG_NAME: (
        message("Use the name that the certificate is for, or ask whoever runs the server."),
        _ALL_THE_SAME,
    ),
    About.FAULTY: (message("Ask whoever runs the server."), _ALL_THE_SAME),
    About.NO_LONGER_TLS: (
        message(
            "Ask whoever runs the server, by another way. If TLS is meant to be off, this goes there without encryption:"
        ),
    ),
}

_TODO_WHERE_ASKED = {
    About.FIRST_USE: (COMPARE, message("If it is the same, it is kept, and another one will be refused.")),
    About.PLAIN_TEXT: (message("If that is all right here, go on; you are not asked again for this server."),),
}
