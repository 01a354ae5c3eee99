"""What a process has beside its server, for whoever watches over it. A value; it knows nothing.

Who has something more that is to be measured adds it here, and a row to measured.py.
"""

from typing import TYPE_CHECKING, NamedTuple

from chat_server.server.backups import Backups
from chat_server.server.certificate_in_use import CertificateInUse
from chat_server.server.config_in_use import ConfigInUse
from chat_server.server.disk import Disk
from chat_server.server.echoes import Echoes
from chat_server.server.health import Health
from chat_server.server.lateness import Lateness
from chat_server.server.open_cases import OpenCases

if TYPE_CHECKING:
    from chat_server.server.canary import Canary


class Beside(NamedTuple):
    """The parts beside the server that are looked at."""

    health: Health
    lateness: Lateness
    disk: Disk
    certificate: CertificateInUse | None = None
    backups: Backups | None = None
    """None: none can be made, for nothing is kept in a directory."""
    cases: OpenCases | None = None
    canary: "Canary | None" = None
    """None: it has not begun."""
    echoes: Echoes | None = None
    """None: there are no other nodes."""
    in_use: ConfigInUse | None = None
    files: float = 0
    """How many files it may open; 0: it is not known."""
    began_at: float = 0.0
    """When it was started, in seconds since 1970."""
