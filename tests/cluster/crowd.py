"""A crowd that talks, comes and goes by itself, at random moments; and what is asked of it when it is quiet."""

import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import trio

from cluster.nodes import Node
from cluster.notes import Client
from cluster.people import Caller, Program
from processes import TIMEOUT

ROOMS = ("python", "pm", "write")

NAMES = tuple(f"name{number}" for number in range(6))
"""Names that several want."""


class Crowd:
    """People at these nodes: `steady` ones, who resume whatever happens; those who wander; and those at terminals."""

    def __init__(
        self,
        nodes: Sequence[Node],
        seed: int,
        *,
        steady: int = 4,
        wandering: int = 4,
        callers: int = 3,
        pace: float = 0.03,
    ) -> None:
        """Make them.

        Args:
            nodes: where they come in, now here, now there.
            seed: of what they do at random.
            steady: how many are always in every room.
            wandering: how many come and go, and take names from each other.
            callers: how many are at terminals.
            pace: seconds from what one of them does to what they do next, in the middle.

        """
        chance = [random.Random(f"{seed} {number}") for number in range(steady + wandering + callers)]  # noqa: S311
        self.steady = [Program(f"st{n}", nodes, ROOMS, chance.pop(), resumes=True) for n in range(steady)]
        self.wandering = [Program(f"wa{n}", nodes, ROOMS, chance.pop(), resumes=False) for n in range(wandering)]
        self.callers = [Caller(f"te{n}", nodes, ROOMS, chance.pop()) for n in range(callers)]
        self._pace = pace
        self._talking = trio.CancelScope()
        self.extra: list[Program] = []
        """Others who are there, and do what a test has them do."""

    @property
    def programs(self) -> list[Program]:
        return [*self.steady, *self.wandering, *self.extra]

    @property
    def people(self) -> list[Program | Caller]:
        return [*self.programs, *self.callers]

    @property
    def clients(self) -> list[Client]:
        return [someone.client for someone in self.people]

    @property
    def acknowledged(self) -> int:
        """How many lines with a key are."""
        return sum(len(program.client.said) - len(program.waiting) for program in self.programs)

    async def run(self) -> None:
        """Come, and be there until cancelled."""
        async with trio.open_nursery() as nursery:
            for someone in self.people:
                nursery.start_soon(someone.run)

    async def talk(self) -> None:
        """Do this and that, until `quiet`."""
        with self._talking:
            async with trio.open_nursery() as nursery:
                for program in (*self.steady, *self.wandering):
                    nursery.start_soon(self._do_as_program, program)
                for caller in self.callers:
                    nursery.start_soon(self._do_as_caller, caller)

    async def _do_as_program(self, program: Program) -> None:
        while True:
            await trio.sleep(program.chance.expovariate(1 / self._pace))
            match program.chance.randrange(40):
                case 0:
                    await program.move()
                case 1:
                    program.hang_up()
                case 2 | 3:
                    await program.say_again()
                case 4 | 5 | 6:
                    await program.say_without_key()
                case 7 | 8 if not program.client.resumes:
                    await program.rename(NAMES)
                case 9 | 10 | 11 if not program.client.resumes:
                    await program.wander()
                case _:
                    await program.say()

    async def _do_as_caller(self, caller: Caller) -> None:
        while True:
            await trio.sleep(caller.chance.expovariate(1 / self._pace))
            match caller.chance.randrange(30):
                case 0:
                    caller.hang_up()
                case 1:
                    await caller.wander()
                case 2:
                    await caller.rename()
                case _:
                    await caller.say()

    async def quiet(self) -> dict[str, list[set[str]]]:
        """Say nothing new, come back, have everything acknowledged. Returns who is in each room, as each who is there is told it."""
        self._talking.cancel()
        with trio.fail_after(TIMEOUT):
            while not all(program.is_here and not program.waiting for program in self.programs):
                await trio.sleep(0.02)
        online: dict[str, list[set[str]]] = {}
        for program in self.programs:
            for room in program.rooms:
                online.setdefault(room, []).append(await program.online(room))
        return online


@asynccontextmanager
async def talking(crowd: Crowd) -> AsyncIterator[Crowd]:
    """A crowd that talks as the block begins, and is gone at its end."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(crowd.run)
        nursery.start_soon(crowd.talk)
        yield crowd
        nursery.cancel_scope.cancel()
