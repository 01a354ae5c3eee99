"""Who may come in, and who may register, by the settings. Pure; never knows who does."""

from chat_server.accounts.authentication import Policy
from chat_server.config import Config
from chat_server.sessions.origin import Origin


def policy_of(config: Config) -> Policy:
    """Who may come in, by the settings; who may register, by where callers can come from, if they do not say: who comes by a proxy is elsewhere."""
    accounts, host = config.accounts, config.server.host
    is_here = (host == "localhost" or Origin(host).is_local) and not config.proxy.trusted
    registration = accounts.registration or ("open" if is_here else "invite")
    return Policy(accounts.guests, registration, accounts.invitations)
