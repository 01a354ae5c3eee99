"""Operators are waited for; who serves them is imported when the first of them comes. Never knows what they ask for, nor what that does."""

from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING

import trio

from chat_server.guard import Guard
from chat_server.server.admin_socket import AdminSocket

if TYPE_CHECKING:
    from chat_server.server.operations import Operations


async def let_operators_in(admin: AdminSocket | None, operations: "Callable[[float], Operations]") -> None:
    """Serve operators, if they have a way in, until cancelled; then nothing is left of it. `operations` is told when this began."""
    if admin is None:
        return
    began_at = trio.current_time()
    with closing(admin), Guard("operators cannot be let in"):  # files that an upgrade has replaced may not fit
        await trio.lowlevel.wait_readable(admin.listener)
        from chat_server.server.admin import AdminDoor  # noqa: PLC0415 - 3 ms, which a start need not wait for

        await AdminDoor(operations(began_at).carry_out).run(admin.listener)
