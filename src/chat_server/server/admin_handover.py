"""What the server that is to take another one's place asks of it, and what is answered. See admin_requests.py. Values; never knows what is done."""

from chat_server.server.admin_protocol import AdminAnswer, AdminRequest


class AskListeners(AdminRequest, frozen=True):
    """Have the sockets on which the server listens. It goes on as if nothing had been asked."""


class GiveWay(AdminRequest, frozen=True):
    """Whoever asks has the sockets, and all that it can see to before it has the data directory: end now.

    `will_say`: it says by the same connection that it `Serves`, when it does; if the connection ends before that, it has come to nothing.
    """

    will_say: bool = False


class Serves(AdminRequest, frozen=True):
    """Whoever has asked another server to give way has taken its place."""


class ListenersGiven(AdminAnswer, frozen=True):
    """What the sockets are for that come with this line (unix(7): SCM_RIGHTS), in their order."""

    names: tuple[str, ...]


class LetGo(AdminAnswer, frozen=True):
    """The server that gives way has let go of the data directory: said after the last answer, to one that says that it serves."""


HANDOVER_REQUESTS: tuple[type[AdminRequest], ...] = (AskListeners, GiveWay, Serves)
HANDOVER_ANSWERS: tuple[type[AdminAnswer], ...] = (ListenersGiven, LetGo)
