"""The codes that somebody has made. See events.py: it never knows to whom it is shown, nor how."""

from typing import ClassVar

from chat_server.protocol.events import Answered
from chat_server.protocol.requests import HowMany


class CodeMade(Answered, frozen=True):
    """The receiver has a code that lets them in at another device, once and soon. It may be seen: whoever uses it first is let in."""

    sentence: ClassVar[str] = "Within {minutes} minutes, and once: /login {nick} {code}"

    nick: str
    code: str
    minutes: HowMany


class Invited(Answered, frozen=True):
    """The receiver has a code for somebody else, who makes an account by it."""

    sentence: ClassVar[str] = (
        "Whoever you tell this, within {hours} hours and once, makes an account by it: /register NICK {code}"
    )

    code: str
    hours: HowMany


class RecoveryMade(Answered, frozen=True):
    """The receiver has new recovery codes, each good once; the earlier ones are good no more. They are not shown again."""

    sentence: ClassVar[str] = (
        "If you forget your password, each of these lets you in once: {recovery}. The earlier ones do so no more. Keep them secret."
    )

    recovery: tuple[str, ...]


CODE_EVENTS = (CodeMade, Invited, RecoveryMade)
