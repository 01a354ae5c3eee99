"""Regular expressions that are compiled when they are first used.

Each takes 0.1 to 0.4 ms to compile, and a class of characters from all of Unicode 2 to 8; a start has dozens of them that many a conversation never
needs. Knows nothing else of ours.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any, AnyStr, Generic


class LatePattern(Generic[AnyStr]):
    """A regular expression. After its first use its methods are the compiled one's, and it costs what any other does."""

    __slots__ = ("findall", "finditer", "fullmatch", "match", "search", "sub")

    search: Callable[..., re.Match[AnyStr] | None]
    match: Callable[..., re.Match[AnyStr] | None]
    fullmatch: Callable[..., re.Match[AnyStr] | None]
    findall: Callable[..., list[Any]]
    finditer: Callable[..., Iterator[re.Match[AnyStr]]]
    sub: Callable[[AnyStr | Callable[[re.Match[AnyStr]], AnyStr], AnyStr], AnyStr]

    def __init__(self, pattern: AnyStr, flags: int = 0) -> None:
        def late(method: str) -> Callable[..., Any]:
            def first(*arguments: Any) -> Any:
                compiled = re.compile(pattern, flags)
                for name in LatePattern.__slots__:
                    setattr(self, name, getattr(compiled, name))
                return getattr(compiled, method)(*arguments)

            return first

        for method in LatePattern.__slots__:  # no __getattr__, which would make each later use slower
            setattr(self, method, late(method))
