"""What is an address of the web, and what is the sentence around it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_tui.client.links import LINKS_MAX, is_link, links


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (
            "https://en.wikipedia.org/wiki/Horse_(disambiguation)",
            ["https://en.wikipedia.org/wiki/Horse_(disambiguation)"],
        ),
        ("(see https://e.org/a_(b), or not)", ["https://e.org/a_(b)"]),
        ("(https://e.org/a)", ["https://e.org/a"]),
        ("https://e.org/it's", ["https://e.org/it's"]),
        ("'https://e.org/a'", ["https://e.org/a"]),
        ("HTTPS://E.ORG/X and Http://e.org", ["HTTPS://E.ORG/X", "Http://e.org"]),
        (
            "https://e.org/a. https://e.org/b, https://e.org/c?! https://e.org/d...",
            [f"https://e.org/{x}" for x in "abcd"],
        ),
        ("看https://e.org/a。《https://e.org/b》，「https://e.org/c」", [f"https://e.org/{x}" for x in "abc"]),
        (
            "https://例子.org/路 https://e.org/%E4%BD%A0?q=1&r=(2)#f",
            ["https://例子.org/路", "https://e.org/%E4%BD%A0?q=1&r=(2)#f"],
        ),
        ("[a](https://e.org/b), <https://e.org/c>", ["https://e.org/b", "https://e.org/c"]),
        ("http://[::1]:5000/a http://127.0.0.1:80", ["http://[::1]:5000/a", "http://127.0.0.1:80"]),
        ("https://web.archive.org/web/1/https://e.org/", ["https://web.archive.org/web/1/https://e.org/"]),
        ("https://e.org/a\u200bb https://e.org/c\u3164d", ["https://e.org/a", "https://e.org/c"]),
        ("**https://e.org/a** ~~https://e.org/b~~ _https://e.org/c_", [f"https://e.org/{x}" for x in "abc"]),
        ("https://user@e.org:8080/a-b_c~d/", ["https://user@e.org:8080/a-b_c~d/"]),
    ],
)
def test_a_link_is_all_of_the_address_and_nothing_else(text: str, found: list[str]) -> None:
    assert [text[start:end] for start, end in links(text)] == found


@pytest.mark.parametrize(
    "text",
    [
        "",
        "www.example.org",
        "ftp://e.org",
        "file:///etc/passwd",
        "javascript://e.org",
        "xhttps://e.org",
        "view-source:https",
        "https://",
        "http://.",
        "https:///x",
        "a+https://e.org",
        "shttp://e",
    ],
)
def test_nothing_else_is_a_link(text: str) -> None:
    assert links(text) == []
    assert not is_link(text)


@given(
    st.lists(
        st.sampled_from(
            [
                "http://",
                "https://",
                "e.org",
                "/",
                "(",
                ")",
                "[",
                "]",
                "'",
                "_",
                "*",
                ".",
                " ",
                "a",
                "小",
                "。",
                "\u200b",
                "\n",
                '"',
            ]
        ),
        max_size=30,
    ).map("".join)
)
def test_what_is_opened_is_what_is_shown(text: str) -> None:
    for start, end in links(text):
        link = text[start:end]
        assert is_link(link)
        assert link.casefold().startswith(("http://", "https://"))
        assert link.count(")") <= link.count("(")
        assert not set(link) & set(' \n"\u200b。')


def test_a_text_has_a_bounded_number_of_links() -> None:
    assert len(links("https://e.org/a " * 1000)) == LINKS_MAX
