"""A crowd that talks, comes and goes by itself, at random moments; and what is asked of it when it is quiet."""

import random
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager

import trio

from cluster.log import Log
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
        is_restless: bool = True,
    ) -> None:
        """Make them.

        Args:
            nodes: where they come in, now here, now there.
            seed: of what they do at random.
            steady: how many are always in every room.
            wandering: how many come and go, and take names from each other.
            callers: how many are at terminals.
            pace: seconds from what one of them does to what they do next, in the middle.
            is_restless: whether steady ones and those at terminals end their connections by themselves.

        """
        chance = [random.Random(f"{seed} {number}") for number in range(steady + wandering + callers)]  # noqa: S311
        self.steady = [Program(f"st{n}", nodes, ROOMS, chance.pop(), resumes=True) for n in range(steady)]
        self.wandering = [Program(f"wa{n}", nodes, ROOMS, chance.pop(), resumes=False) for n in range(wandering)]
        self.callers = [Caller(f"te{n}", nodes, ROOMS, chance.pop()) for n in range(callers)]
        self._nodes, self._pace, self._is_restless = nodes, pace, is_restless
        self._is_quiet = False
        self.extra: list[Program | Caller] = []
        """Others who are there, and do what a test has them do."""
        self.gone: list[Program] = []
        """Those of them who are there no more, and have the test to thank for it."""

    @property
    def programs(self) -> list[Program]:
        return [someone for someone in self.people if isinstance(someone, Program)]

    @property
    def people(self) -> list[Program | Caller]:
        return [*self.steady, *self.wandering, *self.extra, *self.callers]

    @property
    def clients(self) -> list[Client]:
        return [someone.client for someone in (*self.people, *self.gone)]

    def visitor(self, name: str, nodes: Sequence[Node]) -> Program:
        """Somebody who is always in every room at these nodes, and says nothing. Call it before they come."""
        made = Program(name, nodes, ROOMS, random.Random(name), resumes=True)  # noqa: S311
        self.extra.append(made)
        return made

    @property
    def acknowledged(self) -> int:
        """How many lines with a key are."""
        return sum(len(program.client.said) - len(program.waiting) for program in (*self.programs, *self.gone))

    async def acknowledge(self, count: int) -> None:
        """Wait until so many more are."""
        until = self.acknowledged + count
        with trio.move_on_after(TIMEOUT):
            while self.acknowledged < until:
                await trio.sleep(0.01)
        assert self.acknowledged >= until, "\n".join(map(str, self.programs))

    async def settled(self) -> None:
        """Wait until everybody is where they want to be."""
        with trio.fail_after(TIMEOUT):
            while not all(someone.is_here for someone in self.people):
                await trio.sleep(0.02)

    async def run(self) -> None:
        """Come, and be there until cancelled."""
        async with trio.open_nursery() as nursery:
            for someone in self.people:
                nursery.start_soon(someone.run)

    async def talk(self) -> None:
        """Do this and that, until `quiet`. Whatever has been begun is done: a line of which half is sent would be another one."""
        async with trio.open_nursery() as nursery:
            for program in (*self.steady, *self.wandering):
                nursery.start_soon(self._do_as_program, program)
            for caller in self.callers:
                nursery.start_soon(self._do_as_caller, caller)

    async def _do_as_program(self, program: Program) -> None:
        while await self._goes_on(program.chance):
            match program.chance.randrange(40):
                case 0 if self._is_restless:
                    await program.move()
                case 1 if self._is_restless:
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

    async def _goes_on(self, chance: random.Random) -> bool:
        """Wait for the next moment at which somebody does something; whether they do it."""
        await trio.sleep(chance.expovariate(1 / self._pace))
        return not self._is_quiet

    async def _do_as_caller(self, caller: Caller) -> None:
        while await self._goes_on(caller.chance):
            match caller.chance.randrange(30):
                case 0 if self._is_restless:
                    caller.hang_up()
                case 1:
                    await caller.wander()
                case 2:
                    await caller.rename()
                case _:
                    await caller.say()

    def quiet(self) -> None:
        """Say nothing new."""
        self._is_quiet = True

    async def online(self) -> dict[str, list[set[str]]]:
        """Have everybody come back, and everything acknowledged; who is in each room then, as each who is there is told it."""
        while True:
            with trio.move_on_after(TIMEOUT):
                while any(self._not_ready()):
                    await trio.sleep(0.02)
            assert not (late := [*self._not_ready()]), "\n".join(late)
            found = {
                room: [await program.online(room) for program in self.programs if room in program.rooms]
                for room in ROOMS
            }
            if all(all(told) for told in found.values()):  # else somebody has lost their connection meanwhile
                return found

    def is_behind(self, log: Log) -> bool:
        """Whether somebody who resumes has not been shown everything yet, or more than that already: what was sent last is stored only now."""
        resuming = [program for program in self.programs if program.client.resumes]
        return any(
            program.newest(room) != last
            for program in resuming
            for room, last in log.last.items()
            if room in program.rooms
        )

    def _not_ready(self) -> Iterator[str]:
        """Those who are not in their rooms, or wait to hear that something is stored."""
        for program in self.programs:
            if not program.is_here or program.waiting or program.has_missed:
                yield f"{program}, and last was told {program.connection and program.connection.visit.notes[-5:]}"


@asynccontextmanager
async def talking(crowd: Crowd) -> AsyncIterator[trio.Nursery]:
    """A crowd that talks as the block begins, and is gone at its end."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(crowd.run)
        nursery.start_soon(crowd.talk)
        yield nursery
        nursery.cancel_scope.cancel()
