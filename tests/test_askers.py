"""Answers find who asked, as long as there is a connection on which they can come."""

from chat_server.protocol.events import Event, LoggedOut
from chat_tui.client.askers import ASKERS_MAX, Askers


def test_each_answer_finds_the_one_who_asked() -> None:
    askers, heard = Askers(), list[str]()

    def asker(name: str) -> int:
        def answered(_: Event) -> bool:
            heard.append(name)
            return True

        return askers.note(answered)

    refs = [asker(name) for name in ("one", "two")]
    for ref in (*reversed(refs), *refs):
        answer = askers.of(ref)
        assert answer is not None
        assert answer(LoggedOut())
    assert heard == ["two", "one", "one", "two"], "several events may answer one request"


def test_what_nobody_asked_for_finds_nobody() -> None:
    askers = Askers()
    askers.note(lambda _: True)
    for ref in (None, "1", "python", 0, 2, -1):
        assert askers.of(ref) is None


def test_who_asked_is_forgotten_with_the_connection_or_after_many_others() -> None:
    askers = Askers()
    first = askers.note(lambda _: True)
    later = [askers.note(lambda _: True) for _ in range(ASKERS_MAX)]
    assert askers.of(first) is None
    assert askers.of(later[0]) is not None
    askers.forget()
    assert askers.of(later[-1]) is None
    assert askers.note(lambda _: True) not in (first, *later), "what comes late must not answer something else"
