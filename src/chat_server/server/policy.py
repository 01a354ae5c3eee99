"""Who may come in, who may register, and which words nobody says at once, by the settings. Pure; never knows who does."""

from chat_server.accounts.authentication import Policy
from chat_server.config import Config
from chat_server.rooms.line_rules import WordList
from chat_server.sessions.origin import Origin


def policy_of(config: Config) -> Policy:
    """Who may come in, by the settings; who may register, by where callers can come from, if they do not say: who comes by a proxy is elsewhere."""
    accounts, host = config.accounts, config.server.host
    is_here = (host == "localhost" or Origin(host).is_local) and not config.proxy.trusted
    registration = accounts.registration or ("open" if is_here else "invite")
    return Policy(accounts.guests, registration, accounts.invitations)


def words_of(config: Config) -> WordList | None:
    """The words that count in every room; None: there are none."""
    rooms = config.rooms
    words = dict.fromkeys(rooms.held_words, "hold") | dict.fromkeys(rooms.refused_words, "refuse")
    return WordList(words) if words else None
