"""What argparse says of flags, in the language that is spoken: its own words have no translation of their own in most installations.

Knows its sentences, of the versions of Python that there are; one that is not here stays English. Never knows which flags there are.
"""

import argparse

from chat_tui.language import message, say

WORDS = frozenset(
    (
        message("usage: "),
        message("positional arguments"),
        message("options"),
        message("show this help message and exit"),
        message("argument %(argument_name)s: %(message)s"),
        message("%(prog)s: error: %(message)s\n"),
        message("unrecognized arguments: %s"),
        message("the following arguments are required: %s"),
        message("ambiguous option: %(option)s could match %(matches)s"),
        message("expected one argument"),
        message("expected at least one argument"),
        message("ignored explicit argument %r"),
        message("invalid %(type)s value: %(value)r"),
        message("invalid choice: %(value)r (choose from %(choices)s)"),
    )
)
"""Its sentences, with its own marks for what stands in them."""


def speak() -> None:
    """Have argparse say them so from now on."""
    setattr(argparse, "_", _said)  # noqa: B010 - it looks its words up under this name; for a type checker there is none


def _said(text: str) -> str:
    return say(text) if text in WORDS else text
