"""Regular expressions that are compiled when they are first used.

A class of characters from all of Unicode takes 2 to 8 ms to compile, and a start has a dozen of them that many a conversation never needs. Knows
nothing else of ours.
"""

import re
from collections.abc import Callable
from typing import Any


class LatePattern:
    """A regular expression. After its first use its methods are the compiled one's, and it costs what any other does."""

    __slots__ = ("findall", "fullmatch", "match", "search", "sub")

    search: Callable[[str], re.Match[str] | None]
    match: Callable[..., re.Match[str] | None]
    fullmatch: Callable[[str], re.Match[str] | None]
    findall: Callable[[str], list[Any]]
    sub: Callable[[str | Callable[[re.Match[str]], str], str], str]

    def __init__(self, pattern: str, flags: int = 0) -> None:
        def late(method: str) -> Callable[..., Any]:
            def first(*arguments: Any) -> Any:
                compiled = re.compile(pattern, flags)
                for name in LatePattern.__slots__:
                    setattr(self, name, getattr(compiled, name))
                return getattr(compiled, method)(*arguments)

            return first

        for method in LatePattern.__slots__:  # no __getattr__, which would make each later use slower
            setattr(self, method, late(method))
