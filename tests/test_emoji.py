"""A name of an emoji is sent as the emoji where it stands by itself; what Tab completes is what is sent and seen."""

import pytest

from chat_tui.client.completion import complete, emoji, replaced


@pytest.mark.parametrize(
    "text",
    [
        "fd00:a:b:1::5",
        "2001:db8:100::1",
        "x[a:b:c]",
        "x[:a:]",
        "docker run -v a:b:ro",
        "docker run -v /a:/b:ro :ro",
        "at 10:100:30",
        "a:smile:",
        ":smile:b",
        "https://e.org/:smile:",
        "`:smile:` and `` :smile: ``",
        "```\n:smile:\n```",
        "```python\nx = {1 :smile: 2}\n```",
        '":100:"',
        "::smile::",
        ":no_such_name:",
        ": smile :",
        "/frob :smile:",
        "/usr/:smile:/bin",
    ],
)
def test_what_is_no_name_by_itself_is_sent_as_it_was_typed(text: str) -> None:
    assert replaced(text) == text


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        (":smile:", "😄"),
        ("so :smile: so", "so 😄 so"),
        ("(:smile:), :tada:!", "(😄), 🎉!"),
        (":tada::tada:", "🎉🎉"),
        (":nope: :SMILE:", ":nope: 😄"),
        ("好，:smile:。", "好，😄。"),
        ("`:smile:` :smile:", "`:smile:` 😄"),
        ("```\n:smile:\n```\n:smile:", "```\n:smile:\n```\n😄"),
        ("/me is :smile:", "/me is 😄"),
        ("//:smile: :smile:", "//:smile: 😄"),
        ("fd00:a:b:1::5 :smile:", "fd00:a:b:1::5 😄"),
    ],
)
def test_a_name_by_itself_is_sent_as_what_it_names(text: str, sent: str) -> None:
    assert replaced(text) == sent


def test_every_name_is_known_where_it_stands_by_itself() -> None:
    for name, symbol in emoji().items():
        assert replaced(f"a :{name}: b") == f"a {symbol} b"


def _completed(text: str) -> tuple[str, ...]:
    found = complete(text, commands={}, nicks=(), rooms=())
    return found.choices if found is not None else ()


@pytest.mark.parametrize("text", ["`x :smi", "```\nx :smi", "a\n```python\n:smi"])
def test_tab_completes_none_in_code(text: str) -> None:
    assert _completed(text) == ()


def test_what_tab_completes_first_is_what_its_name_is_sent_as() -> None:
    for name in ("smile", "thumbs_up", "tada", "heart", "100"):
        assert _completed(f"hi :{name}")[0] == replaced(f":{name}:")
    assert _completed("`x` :smi")[0] == "😄"
