"""What must not stand in a log, taken out of whatever is told: secrets, whatever they are called there, and addresses as far as the settings say.

The last step before a line is written, so nobody who logs something need think of it. Pure; never knows what is told, nor where it is written.
"""

import re
from collections.abc import Callable, Iterable
from ipaddress import ip_address, ip_network
from typing import Literal

Addresses = Literal["full", "short", "none"]

HIDDEN = "(hidden)"
"""What stands instead of a secret."""

NO_ADDRESS = "(address)"

_SECRET_KEY = re.compile(r"(?:^|_)(?:password|passphrase|token|secret|key|code)s?$")

_LETTER = "[0-9A-HJKMNP-TV-Z]"
_SECRETS = re.compile(
    r"\bct_[0-9A-Za-z]{4,}"  # a bot's token, also one that was cut
    rf"|\b{_LETTER}{{4}}-{_LETTER}{{4}}(?:-{_LETTER}{{4}}){{0,3}}\b"  # a code, as it is shown
    rf"|(?i:\b{_LETTER}{{4}}(?:-{_LETTER}{{4}}){{4}}\b)"  # a long one, as somebody may type it
)

_ADDRESSES = (  # compiled when it is first used: most settings hide no address, and it takes 1 ms
    r"(?<![\w.:])(?:(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![\w.]*\w)|(?=[0-9A-Fa-f]*:[0-9A-Fa-f:.]*:)[0-9A-Fa-f:.]{3,45}(?:%\w+)?)"
)
_KEPT_BITS = {4: 24, 6: 48}


def cleaner_for(addresses: Addresses) -> Callable[[str], str]:
    """What takes out of a text what must not stand there."""
    if addresses == "full":
        return _without_secrets
    show = _shortened if addresses == "short" else _left_out

    def clean(text: str) -> str:
        return re.sub(_ADDRESSES, lambda found: _shown(found[0], show), _without_secrets(text))

    return clean


def cleaned(details: dict[str, object], clean: Callable[[str], str]) -> dict[str, object]:
    """The details of an event, without what must not stand there."""
    return {key: HIDDEN if _SECRET_KEY.search(key) else _cleaned(value, clean) for key, value in details.items()}


def _cleaned(value: object, clean: Callable[[str], str]) -> object:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, dict):
        return cleaned({str(key): one for key, one in value.items()}, clean)
    if isinstance(value, Iterable) and not isinstance(value, str | bytes):
        return [_cleaned(one, clean) for one in value]
    return clean(str(value))


def _without_secrets(text: str) -> str:
    return _SECRETS.sub(HIDDEN, text)


def _shown(found: str, show: Callable[[str], str]) -> str:
    """What looks like an address, shown so if it is one of a machine elsewhere; a stop after it ends a sentence."""
    text = found.rstrip(".:") if not found.endswith("::") else found
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return found
    mapped = getattr(address, "ipv4_mapped", None)
    if (mapped or address).is_loopback or address.is_unspecified:
        return found
    return show(str(mapped or address)) + found[len(text) :]


def _shortened(address: str) -> str:
    return str(ip_network(f"{address}/{_KEPT_BITS[ip_address(address).version]}", strict=False))


def _left_out(address: str) -> str:
    del address
    return NO_ADDRESS
