"""What kinds of values settings have, and when one takes effect that is changed while the server runs. Never knows a setting.

Each setting says in its `Meta` which of the four it is (`extra=AT_ONCE`). Those that wait for a restart keep, until then, the value with which the
server has started.
"""

from typing import Annotated

from msgspec import Meta

Count = Annotated[int, Meta(ge=0)]
Seconds = Annotated[float, Meta(ge=0, le=31_536_000)]
Port = Annotated[int, Meta(ge=0, le=65535)]
Positive = Annotated[int, Meta(ge=1)]

RELOAD = "reload"
"""Under which key of `extra` it stands."""

AT_ONCE = {RELOAD: "A reload changes it."}
NEXT = {RELOAD: "A reload changes it, for each caller with the next thing that they do."}
COMERS = {RELOAD: "A reload changes it for whoever comes from then on."}
RESTART = {RELOAD: "It waits for a restart."}


def when_changed(annotated: object) -> str:
    """When a setting of this type takes effect that is changed, as people are told; "" if it does not say."""
    for meta in getattr(annotated, "__metadata__", ()):
        if isinstance(meta, Meta) and meta.extra:
            return str(meta.extra.get(RELOAD, ""))
    return ""


def waits_for_restart(annotated: object) -> bool:
    """Whether it does so at the next start only. So does what says nothing of it."""
    return when_changed(annotated) in {"", RESTART[RELOAD]}
