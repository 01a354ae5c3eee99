"""The command `chat-server fingerprint`: by what people can be sure that they talk to this server. Whether it runs makes no difference.

Knows settings and what is said on the terminal; what is in the files is certificates.py's. The key is read too: with another's key no server
starts, and one that runs goes on with the certificate that it had.
"""

import time

from chat_server import console
from chat_server.config import Config
from chat_server.journal.new_file import OwnFiles
from chat_server.server.certificates import (
    CertificateProblem,
    day_of,
    files_named,
    own_files,
    problem_of_date,
    read_pair,
)


def show_fingerprint(config: Config, own: OwnFiles) -> int:
    """Say it, where the certificate is, and until when it is valid. Returns the exit code: 0 well, 1 it is not valid today.

    Raises:
        CertificateProblem: there is none, or no server can use it, whatever day it is.

    """
    if config.tls.certificate:
        files = files_named(config.tls.certificate, config.tls.key)
    elif own.names:
        files = own_files(own.directory)
        if not files.certificate.exists():
            raise CertificateProblem(f"there is no {files.certificate} yet: the server makes it when it starts")
    else:
        raise CertificateProblem("this server makes another certificate at each start: its log has the fingerprint")
    path, certificate = files.certificate, read_pair(files).certificate
    console.say(f"SHA-256 {certificate.fingerprint}")
    if problem := problem_of_date(certificate, path, time.time()):
        console.say(problem)
        return 1
    console.say(f"{path}, valid until {day_of(certificate.ends)}")
    return 0
