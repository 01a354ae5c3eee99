"""Names that are claimed at several nodes on a real PostgreSQL: one has each."""

import pytest
import trio

from chat_server.accounts.names_index import Refusal
from chat_server.journal.nodes import Claim, Claimed
from chat_server.journal.postgresql.nodes import PostgresqlNodes
from database_nodes import given, node, running, through, through_link
from postgresql import Database

pytestmark = pytest.mark.timeout(120)


async def test_of_two_who_want_names_that_look_alike_at_two_nodes_at_once_one_gets_hers(database: Database) -> None:
    a, b = node(database, "a"), node(database, "b")
    answers: dict[str, list[Claimed | Refusal]] = {"a": [], "b": []}
    async with running(a, b):
        for number in range(20):

            async def claim(nodes: PostgresqlNodes, nick: str) -> None:
                answers[nodes.name].append(await nodes.claim(Claim(nick, nick, f"i{number}", f"token:{nodes.name}")))  # noqa: B023

            async with trio.open_nursery() as nursery:
                nursery.start_soon(claim, a, f"l{number}")
                nursery.start_soon(claim, b, f"I{number}")
    for number, pair in enumerate(zip(answers["a"], answers["b"], strict=True)):
        given = [answer for answer in pair if isinstance(answer, Claimed)]
        refused = [answer for answer in pair if isinstance(answer, Refusal)]
        assert (len(given), len(refused)) == (1, 1)
        assert refused[0] == Refusal("like-held", given[0].nick)
        assert given[0].nick[1:] == str(number)


async def test_a_guest_at_another_node_is_called_as_there_and_names_are_free_when_they_are_taken_back(
    database: Database,
) -> None:
    with database.connect() as connection:
        connection.execute(
            "INSERT INTO account VALUES (7, 'Bob', 'bob', 'b0b', NULL, 0, 0, '', 'active', NULL, 0, '{}', 0, 0)"
        )
    a, b = node(database, "a"), node(database, "b")
    async with running(a, b):
        assert await given(a, Claim("Ann", "ann", "ann", "token:x")) == ("Ann", "")
        assert await given(b, Claim("Zoe", "zoe", "zoe", "token:x")) == ("Ann", "Ann")
        assert await given(b, Claim("Zoe", "zoe", "zoe", "token:x")) == ("Zoe", "Ann")  # she has one here now
        assert await a.claim(Claim("zoe", "zoe", "zoe", "1:5")) == Refusal("held", "Zoe")
        await b.release("zoe", "token:x")
        assert await given(a, Claim("zoe", "zoe", "zoe", "1:5")) == ("zoe", "")
        assert await a.claim(Claim("bob", "bob", "b0b", "token:y")) == Refusal("taken", "Bob")
        assert await given(a, Claim("Bob", "bob", "b0b", "account:7")) == ("Bob", "")
        assert await given(b, Claim("Bobby", "bobby", "bobby", "account:7")) == ("Bobby", "Bob")


async def test_of_claims_of_one_person_at_several_nodes_each_comes_after_those_before_it(database: Database) -> None:
    a, b = node(database, "a"), node(database, "b")
    async with running(a, b):
        orders = [
            claimed.order
            for nodes, nick in ((a, "ann"), (b, "bob"), (a, "ann"), (a, "anna"), (b, "bob"))
            if isinstance(claimed := await nodes.claim(Claim(nick, nick, nick, "token:x")), Claimed)
        ]
        assert len({*orders}) == 5
        assert orders == sorted(orders)


async def test_a_person_who_comes_to_two_nodes_at_once_under_two_names_has_one(database: Database) -> None:
    a, b = node(database, "a"), node(database, "b")
    async with running(a, b):
        for number in range(20):
            claims: dict[str, Claimed | Refusal] = {}

            async def claim(nodes: PostgresqlNodes, nick: str, who: str, into: dict[str, Claimed | Refusal]) -> None:
                into[nick] = await nodes.claim(Claim(nick, nick, nick, who))

            async with trio.open_nursery() as nursery:
                nursery.start_soon(claim, a, f"ann{number}", f"token:{number}", claims)
                nursery.start_soon(claim, b, f"bob{number}", f"token:{number}", claims)
            assert len({claimed.nick for claimed in claims.values() if isinstance(claimed, Claimed)}) == 1


async def test_a_claim_that_nobody_waits_for_any_more_leaves_the_name_free(database: Database) -> None:
    async with through_link(database) as (link, url):
        a, b = await through(url, "a"), node(database, "b")
        async with running(a, b):
            assert await given(a, Claim("ann", "ann", "ann", "1:1")) == ("ann", "")
            link.delay = 0.3
            with trio.move_on_after(0.1):
                await a.claim(Claim("zoe", "zoe", "zoe", "1:2"))
            link.delay = 0.0
            await trio.sleep(1.0)
            assert await given(b, Claim("zoe", "zoe", "zoe", "2:1")) == ("zoe", "")
