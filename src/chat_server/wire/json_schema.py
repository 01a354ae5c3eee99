"""The JSON Schema of everything that crosses the programs' door: made of what the Structs of requests and events say, and of nothing else."""

import inspect
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from chat_server.protocol.amending import Reaction
from chat_server.protocol.entries import EVENTS, KINDS
from chat_server.protocol.events import Answered
from chat_server.protocol.incoming import REF_MAX
from chat_server.protocol.requests import REQUESTS, Request, tag_of
from chat_server.protocol.versions import PROTOCOL


def schema(requests: Sequence[type[Request]] = (), answers: Sequence[type[Answered]] = ()) -> dict[str, Any]:
    """The JSON Schema (2020-12) of everything that crosses this door: `#/$defs/Request` and `#/$defs/Event` are the two directions.

    Args:
        requests: what commands have of their own beside what both programs know.
        answers: the same, of events.

    """
    requests = (*REQUESTS, *requests)
    events = (*(kind for kind in EVENTS if kind.is_for_programs), *answers)
    _, definitions = msgspec.json.schema_components([*requests, *events], ref_template="#/$defs/{name}")
    for definition in definitions.values():
        if "description" in definition:  # a docstring, which Python leaves indented before 3.13
            definition["description"] = inspect.cleandoc(definition["description"])
    for kind in requests:
        properties = definitions[kind.__name__]["properties"]
        properties.setdefault("room", {"type": "string", "default": "", "description": "the room that it is for"})
        properties["ref"] = _REF | {"description": "comes back on the answer"}
    for event in events:
        ref = _REF | {"description": "the ref of the request that this answers"}
        definitions[event.__name__]["properties"]["ref"] = ref
    for entry in KINDS:
        for field in entry.hidden:
            del definitions[entry.__name__]["properties"][field]
    del definitions[Reaction.__name__]["properties"]["accounts"]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"chat-server protocol {PROTOCOL}",
        "oneOf": [{"$ref": "#/$defs/Request"}, {"$ref": "#/$defs/Event"}],
        "$defs": {
            "Request": _one_of("do", requests),
            "Event": _one_of("is", events),
            **definitions,
        },
    }


_REF = {"type": ["string", "integer"], "maxLength": REF_MAX}


def _one_of(tag: str, kinds: Iterable[type[Struct]]) -> dict[str, Any]:
    names = dict(sorted((tag_of(kind), f"#/$defs/{kind.__name__}") for kind in kinds))  # whatever was imported first
    return {
        "oneOf": [{"$ref": name} for name in names.values()],
        "discriminator": {"propertyName": tag, "mapping": names},
    }
