"""How a server is, in figures, as an operator is told. Values; see admin_requests.py."""

from msgspec import UNSET, Struct, UnsetType

from chat_server.server.admin_protocol import AdminAnswer


class BackupsShown(Struct, frozen=True):
    """The copies that a server makes, one every so many seconds: how old the newest is (None: there is none), its bytes, how long it took to make.

    `problem` says why none could be made when one was due last; "" if one could.
    """

    every: float
    age: float | None
    size: int
    seconds: float
    problem: str


class Figures(AdminAnswer, frozen=True):
    """How the server is just now. Times are in seconds.

    Those of commits are of the newest `commits_timed`; the event loop's is looked at for a tenth of a second when this is asked. Of several nodes
    that are one server, they are those of this `node`; if it `is_engine_away`, what is said there waits.
    """

    version: str
    uptime: float
    is_stopping: bool
    people: int
    terminals: int
    programs: int
    not_logged_in: int
    rooms: int
    lines_stored: int
    waiting_bytes: int
    waiting_bytes_limit: int
    commits_timed: int
    commit_median: float
    commit_longest: float
    loop_late_longest: float
    node: str | UnsetType = UNSET
    is_engine_away: bool | UnsetType = UNSET
    backups: BackupsShown | UnsetType = UNSET
    """Not there, if it makes none."""
