"""Servers that are not trusted, as the screens and the line-by-line program are told of them."""

from chat_tui.client.connection import ConnectionChanged, Status
from chat_tui.client.known_servers import NOTHING, Known
from chat_tui.client.trust import PLAINTEXT, About, Unsettled
from chat_tui.client.trust_words import Doubt

ONE, OTHER = "sha256:" + "3f2a9c01" * 8, "sha256:" + "b07e44d5" * 8

UNSETTLED = {
    About.FIRST_USE: Unsettled(About.FIRST_USE, ONE, accepts=ONE),
    About.PLAIN_TEXT: Unsettled(About.PLAIN_TEXT, accepts=PLAINTEXT),
    About.CHANGED: Unsettled(About.CHANGED, OTHER, ONE),
    About.NO_AUTHORITY: Unsettled(About.NO_AUTHORITY, OTHER, "authority"),
    About.NOT_YET_VALID: Unsettled(About.NOT_YET_VALID, OTHER),
    About.EXPIRED: Unsettled(About.EXPIRED, OTHER),
    About.WRONG_NAME: Unsettled(About.WRONG_NAME, OTHER),
    About.FAULTY: Unsettled(About.FAULTY, OTHER),
    About.NO_LONGER_TLS: Unsettled(About.NO_LONGER_TLS, known=ONE),
}


def doubt_about(about: About) -> Doubt:
    """Why chat.example.org is not trusted."""
    unsettled = UNSETTLED[about]
    known = Known(unsettled.known, "2026-11-01", "2026-11-20") if unsettled.known else NOTHING
    return Doubt("chat.example.org", 5000, unsettled, known)


def distrusted(about: About) -> ConnectionChanged:
    """The server is not trusted."""
    doubt = doubt_about(about)
    return ConnectionChanged(Status.REFUSED, doubt.title, doubt=doubt)
