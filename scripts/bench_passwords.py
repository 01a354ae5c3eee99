"""How late the event loop is while passwords are hashed beside it: what everybody else feels of those who log in.

Lateness is that of a task that sleeps for a millisecond, over and over. What the machine itself adds stands in the row of nobody.
"""

import argparse
import resource
import sys
import time

import trio

from chat_server.accounts.hashing import Argon2, Busy, HashingQueue
from chat_server.accounts.passwords import parse_password

LATE_MAX = 0.015
"""Seconds that the loop may be late with 10 logins a second, 999 of 1000 times."""

TICK = 0.001
PASSWORD = parse_password("correct horse battery staple")


class Load:
    """Callers who come at a pace, each from a network of their own; `patience`: after so many seconds they hang up."""

    def __init__(self, per_second: float, patience: float = 60) -> None:
        self._per_second, self._patience = per_second, patience
        self.queue = HashingQueue(Argon2())
        self.took: list[float] = []
        self.refused = 0

    async def come(self, stored: str, seconds: float) -> None:
        end, came = trio.current_time() + seconds, 0
        async with trio.open_nursery() as nursery:
            while self._per_second and trio.current_time() < end:
                nursery.start_soon(self._log_in, stored if came % 2 else None, str(came))
                came += 1
                await trio.sleep(1 / self._per_second)
            await trio.sleep_until(end)

    async def _log_in(self, stored: str | None, network: str) -> None:
        start = trio.current_time()
        with trio.move_on_after(self._patience):
            try:
                await self.queue.compare(PASSWORD, stored, network)
            except Busy:
                self.refused += 1
                return
            self.took.append(trio.current_time() - start)


async def lateness(load: Load, stored: str, seconds: float) -> list[float]:
    """How late each tick was while they came."""
    late: list[float] = []

    async def tick() -> None:
        while True:
            due = time.perf_counter() + TICK
            await trio.sleep(TICK)
            late.append(max(0.0, time.perf_counter() - due))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(tick)
        await load.come(stored, seconds)
        nursery.cancel_scope.cancel()
    return sorted(late)


def at(values: list[float], part: float) -> float:
    return values[min(len(values) - 1, int(len(values) * part))] if values else 0.0


async def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seconds", type=float, default=30)
    options.add_argument("--check", action="store_true")
    chosen = options.parse_args()
    stored = Argon2().hashed(PASSWORD)
    loads = {"nobody": Load(0), "10 a second": Load(10), "200 a second, who hang up": Load(200, patience=0.2)}
    print(f"{'':26} {'p50':>7} {'p99':>7} {'p99.9':>7} {'most':>7} ms late | {'done':>5} {'busy':>5} {'p99 ms':>7}")
    worst = 0.0
    for name, load in loads.items():
        late = await lateness(load, stored, chosen.seconds)
        figures = " ".join(f"{at(late, part) * 1000:7.1f}" for part in (0.5, 0.99, 0.999, 1))
        took = at(sorted(load.took), 0.99) * 1000
        print(f"{name:26} {figures} ms late | {len(load.took):5} {load.refused:5} {took:7.0f}")
        if name == "10 a second":
            worst = at(late, 0.999)
    print(f"at most {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB in all")
    if chosen.check and worst > LATE_MAX:
        sys.exit(f"{worst * 1000:.1f} ms late 1 time in 1000; {LATE_MAX * 1000:.0f} are promised")


if __name__ == "__main__":
    trio.run(main)
