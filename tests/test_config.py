import time
import tomllib

import msgspec
import pytest

from chat_server import config_checks
from chat_server.config import Config, RoomsTable
from chat_server.config_changes import changes_between
from chat_server.config_file import ConfigError, as_toml, load
from chat_server.journal.engines import MODULES
from chat_server.rooms import line_rules
from chat_server.setting_kinds import AT_ONCE, COMERS, NEXT, RESTART, when_changed
from chat_server.toml_bounds import TEXT_MAX, is_too_deep


def test_the_printed_defaults_are_the_defaults() -> None:
    assert load(as_toml(Config()), "printed") == Config()


def test_every_setting_is_printed_under_its_reason() -> None:
    printed = as_toml(Config())
    for table in msgspec.structs.fields(Config):
        for setting in msgspec.structs.fields(getattr(Config(), table.name)):
            before = printed[: printed.index(f"\n{setting.name} = ")]
            assert before.splitlines()[-1].startswith("# "), setting.name


def test_every_setting_says_when_it_takes_effect_that_it_is_changed() -> None:
    known = {one["reload"] for one in (AT_ONCE, NEXT, COMERS, RESTART)}
    for table in msgspec.structs.fields(Config):
        for setting in msgspec.structs.fields(getattr(Config(), table.name)):
            assert when_changed(setting.type) in known, (
                f"{table.name}.{setting.name}: give its Meta an `extra` of setting_kinds.py"
            )


def test_what_waits_for_a_restart_is_told_and_keeps_its_value() -> None:
    was = load("[server]\nport = 5001\n[limits]\nrooms = 7\n", "x.toml")
    changes = changes_between(was, load("[server]\nport = 5002\nname = 'other'\n[limits]\nrooms = 8\n", "x.toml"))
    assert changes.changed == ("server.name", "limits.rooms")
    assert changes.waiting == ("server.port",)
    assert changes.usable == load("[server]\nport = 5001\nname = 'other'\n[limits]\nrooms = 8\n", "x.toml")
    assert changes_between(was, was) == (was, (), ())


def test_what_is_not_set_keeps_its_default() -> None:
    config = load("[limits]\nconnections = 7\n", "x.toml")
    assert config.limits.connections == 7
    assert config.limits.line_bytes == 4096


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (
            "[limits]\nconnection = 7",
            "x.toml: limits.connection: unknown key; did you mean limits.connections?",
        ),
        (
            "[limits]\nnothing = 7",
            "x.toml: limits.nothing: unknown key; expected one of: connections, connections_per_address,",
        ),
        ("[limit]\nconnections = 7", "x.toml: limit: unknown key; did you mean limits?"),
        ("port = 5000", "x.toml: port: unknown key; did you mean server.port or tls.port?"),
        ("[server]\nconnections = 7", "x.toml: server.connections: unknown key; did you mean limits.connections?"),
        ("[backup]\nevery = 24", "x.toml: backup.every: expected text in quotes, got a whole number"),
        (
            "[unheard]\nof = 7",
            "x.toml: unheard: unknown key; expected one of: server, rooms, journal, node, history, backup, limits, accounts, tls, ",
        ),
        ("[limits]\nconnections = 'many'", "x.toml: limits.connections: expected a whole number, got text in quotes"),
        ("[limits]\nconnections = -1", "x.toml: limits.connections: expected a whole number >= 0"),
        ("[server]\nport = 70000", "x.toml: server.port: expected a whole number <= 65535"),
        ("[log]\nformat = 'xml'", "x.toml: log.format: expected text or json, got 'xml'"),
        ("limits = 3", "x.toml: limits: expected a table, got a whole number"),
        (
            "[rooms]\nnames = ['a b']",
            "x.toml: rooms.names: 'a b': expected a room name of letters, digits, - and _ only",
        ),
        (
            "[rooms]\nnames = ['a', 'A']",
            "x.toml: rooms.names: 'A': expected each name once; it counts as the same as 'a'",
        ),
        ("[journal]\nengine = 'none'", f"x.toml: journal.engine: expected {' or '.join(MODULES)}, got 'none'"),
        ("[journal]\ndurability = 'none'", "x.toml: journal.durability: expected full or process, got 'none'"),
        (
            "[history]\ntime_zone = 'Nowhere'",
            "x.toml: history.time_zone: 'Nowhere': expected a zone such as Europe/Berlin or +02:00",
        ),
        ("[history]\non_entering = 51", "x.toml: history.on_entering: expected a whole number <= 50"),
        (
            "[metrics]\nlisten = '0.0.0.0:9464'",
            "x.toml: metrics.listen: '0.0.0.0:9464': expected an address of this machine",
        ),
        (
            "[metrics]\nlisten = '192.0.2.1:9464'",
            "x.toml: metrics.listen: '192.0.2.1:9464': expected an address of this",
        ),
        (
            "[metrics]\nlisten = 'example.org:9464'",
            "x.toml: metrics.listen: 'example.org:9464': expected an address of",
        ),
        (
            "[metrics]\nlisten = '::1:9464'",
            "x.toml: metrics.listen: '::1:9464': expected an address of this machine alone",
        ),
        ("[metrics]\nlisten = '127.0.0.1'", "x.toml: metrics.listen: '127.0.0.1': expected an address and a port"),
        pytest.param(
            f"[metrics]\nlisten = '127.0.0.1:{'1' * 5000}'",
            "x.toml: metrics.listen: '127.0.0.1:1111",
            id="a port of 5000 digits",
        ),
        (
            "[metrics]\nlisten = '127.0.0.1:99999'",
            "x.toml: metrics.listen: '127.0.0.1:99999': expected an address and a port",
        ),
        (
            "[metrics]\nlisten = 'metrics.sock'",
            "x.toml: metrics.listen: 'metrics.sock': expected an address and a port",
        ),
        ("[rooms", "x.toml: not TOML: "),
        pytest.param(f"[limits]\nrooms = {'9' * 5000}", "x.toml: not TOML: ", id="digits"),
        ("[limits]\nkeepalive_seconds = 86400", "x.toml: limits.keepalive_seconds: expected a number <= 32767"),
        ("[limits]\nidle_seconds = inf", "x.toml: limits.idle_seconds: expected a number <= 31536000"),
        ("[server]\nstop_seconds = 0", "x.toml: server.stop_seconds: expected a number > 0"),
        (
            "[journal]\nurl = 'host=db1 dbname=chat'",
            'x.toml: journal.url: expected engine = "postgresql" too; sqlite would keep what is said elsewhere',
        ),
        (
            "[tls]\nkey = 'key.pem'",
            "x.toml: tls.key: expected tls.certificate too, the file of the certificate that this key is of",
        ),
        (
            "[accounts]\nregistration = 'invites'",
            "x.toml: accounts.registration: expected \"\" or open or invite or closed, got 'invites'",
        ),
        ("[tls]\nrequire = 'some'", "x.toml: tls.require: expected passwords or all or none, got 'some'"),
        (
            "[proxy]\ntrusted = ['127.0.0.1', 'proxy.example.org']",
            "x.toml: proxy.trusted: 'proxy.example.org': expected the address of a proxy, a network such as 10.0.0.0/8, or unix;",
        ),
        ("[proxy]\ntrusted = ['10.0.0.0/33']", "x.toml: proxy.trusted: '10.0.0.0/33': expected the address of a proxy"),
        ("[proxy]\ntrusted = ['']", "x.toml: proxy.trusted: '': expected the address of a proxy"),
        (
            "[proxy]\ntrusted = ['10.1.2.3/8']",
            "x.toml: proxy.trusted: '10.1.2.3/8': this address is within a network; expected '10.0.0.0/8'",
        ),
        ("[proxy]\ntrusted = '10.1.2.3'", "x.toml: proxy.trusted: expected a list in brackets, got text in quotes"),
        ("[limits]\n'x - at y' = 0", "x.toml: limits.x - at y: unknown key"),
        ('[limits]\n"x\\ny" = 0', "x.toml: limits.x y: unknown key"),
        ("[rooms]\nnames = ['a', 7]", "x.toml: rooms.names: 7: expected text in quotes, got a whole number"),
        (
            "[rooms]\nheld_words = ['good', 'free money']",
            "x.toml: rooms.held_words: 'free money': expected one word of 2 to 40 letters or digits, without spaces and signs",
        ),
        ("[rooms]\nheld_words = ['x']", "x.toml: rooms.held_words: 'x': expected one word of 2 to 40 letters"),
        ("[rooms]\nrefused_words = ['sp_am']", "x.toml: rooms.refused_words: 'sp_am': expected one word of 2 to 40"),
        (
            '[server]\nname = "red \\u001b[31m"',
            "x.toml: server.name: 'red \\x1b[31m': expected text that can be shown on one line of a terminal: no control characters",
        ),
        ('[server]\nname = "two\\nlines"', "x.toml: server.name: 'two\\nlines': expected text that can be shown"),
        ('[server]\nname = "a\\u202eb"', "x.toml: server.name: 'a\\u202eb': expected text that can be shown"),
        ('[node]\nname = "\\u0007"', "x.toml: node.name: '\\x07': expected text that can be shown"),
    ],
)
def test_a_mistake_is_one_sentence_that_names_file_key_and_what_was_expected(text: str, complaint: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load(text, "x.toml")
    assert str(refused.value).startswith(complaint)
    assert "\n" not in str(refused.value)


def mistakes_of(text: str) -> list[str]:
    with pytest.raises(ConfigError) as refused:
        load(text, "x.toml")
    assert str(refused.value).splitlines() == [*refused.value.mistakes]
    return [mistake.removeprefix("x.toml: ") for mistake in refused.value.mistakes]


def test_all_mistakes_of_a_file_are_told_at_once_each_in_a_sentence() -> None:
    found = mistakes_of(
        """
        port = 5000
        limits = 3
        [server]
        port = 70000
        nam = "x"
        name = "\\u001b[2J"
        [rooms]
        names = ["a b", 7, "ok", "OK"]
        held_words = ["free money", "fine", "no!"]
        [tls]
        key = "key.pem"
        [proxy]
        trusted = ["example.org", "127.0.0.1", "10.1.2.3/8"]
        [log]
        format = "xml"
        """
    )
    assert [mistake.split(": expected")[0].split("; ")[0] for mistake in found] == [
        "port: unknown key",
        "limits",
        "server.port",
        "server.nam: unknown key",
        "rooms.names: 7",
        "log.format",
        "server.name: '\\x1b[2J'",
        "rooms.held_words: 'free money'",
        "rooms.held_words: 'no!'",
        "tls.key",
        "proxy.trusted: 'example.org'",
        "proxy.trusted: '10.1.2.3/8': this address is within a network",
    ]


def test_what_follows_from_another_mistake_is_none_of_its_own() -> None:
    assert mistakes_of('[tls]\ncertificate = 7\nkey = "key.pem"') == [
        "tls.certificate: expected text in quotes, got a whole number"
    ]
    assert len(mistakes_of("[journal]\nengine = 'postgres'\nurl = 'dbname=chat'\n[backup]\nevery = '24h'")) == 1


def test_of_very_many_mistakes_the_first_are_told() -> None:
    found = mistakes_of("[limits]\n" + "\n".join(f"nothing{number} = 1" for number in range(3000)))
    assert len(found) == 21
    assert found[-1] == "there are more mistakes, which are told when these are mended"
    assert len(mistakes_of(f"{'x' * 100_000} = 1")[0]) < 600


HOSTILE = {
    "a key of very many names": f"{'a.' * 60_000}a = 1",
    "the name of a table": f"[{'a.' * 60_000}a]",
    "a key in a table": f"x = {{{'a.' * 60_000}a = 1}}",
    "with spaces": f"{'a . ' * 30_000}a = 1",
    "with names in quotes": f"""{'"a".' * 20_000}a = 1""",
    "behind a text": f"""x = "a"\n{"a." * 60_000}a = 1""",
    "behind a text of several lines": 'x = """a" "" \\""" \n"""\n' + f"{'a.' * 60_000}a = 1",
    "behind a text that ends with quotes of its own": f'x = ["""a"""", {{{"a." * 60_000}a = 1}}]',
    "behind a literal text that does": f"x = ['''a''''', {{{'a.' * 60_000}a = 1}}]",
    "lists in lists": f"x = {'[' * 60_000}",
    "tables in tables": f"x = {'{a=' * 30_000}",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_what_is_nested_to_keep_the_server_busy_is_not_read_at_all(text: str) -> None:
    began = time.process_time()
    assert mistakes_of(text)[0].startswith("not a configuration: something in it is nested 16 deep")
    assert time.process_time() - began < 2


UNENDED = {
    "escaped quotes": 'x = "' + '\\"' * 60_000,
    "escaped quotes over lines": 'x = """' + '\\"' * 60_000,
    "quotes over lines": 'x = """' + '"" ' * 40_000,
    "quotes in turns": "\"'" * 60_000,
    "lines that do not end": 'x = "a\\\n' * 12_000,
    "comments": "#" * 120_000,
}


@pytest.mark.parametrize("text", UNENDED.values(), ids=UNENDED.keys())
def test_what_does_not_end_is_not_looked_at_again_and_again(text: str) -> None:
    began = time.process_time()
    is_too_deep(text)
    assert time.process_time() - began < 2


def test_what_is_too_long_for_settings_is_not_read_at_all() -> None:
    assert mistakes_of(f"# {'x' * TEXT_MAX}")[0].startswith("too large for a configuration, which has at most 131072")


DOTS = "." * 40 + "[" * 40

GOOD = "\n".join(
    [
        f"# {DOTS}",
        f"[server] # {DOTS}",
        f'name = "{DOTS}"',
        f"host = '{DOTS}\\'",
        f"time_zone = '''{DOTS}''{DOTS}'''",
        f'directory = """\\"{DOTS}\\""" {DOTS}\n"{DOTS}"""',
        f"names = [{', '.join([repr(DOTS)] * 40)}]",
        f"numbers = [{', '.join(['1.5'] * 100)}]",
        *(f"a.b{number} = {number}.5" for number in range(100)),
    ]
)


def test_dots_and_brackets_in_texts_comments_and_numbers_nest_nothing() -> None:
    assert tomllib.loads(GOOD)
    assert not is_too_deep(GOOD)


def test_the_printed_defaults_are_toml() -> None:
    assert set(tomllib.loads(as_toml(Config()))) == {
        "server",
        "rooms",
        "journal",
        "node",
        "history",
        "backup",
        "limits",
        "accounts",
        "tls",
        "proxy",
        "log",
        "metrics",
    }


def test_proxies_are_trusted_by_address_and_by_network() -> None:
    trusted = ["127.0.0.1", "10.0.0.0/8", "::1", "2001:db8::/48", "unix"]
    assert load(f"[proxy]\ntrusted = {trusted}", "x.toml").proxy.trusted == trusted


@pytest.mark.parametrize(
    "listen", ["", "127.0.0.1:9464", "127.9.9.9:0", "[::1]:9464", "localhost:1", "/run/chat/metrics"]
)
def test_metrics_are_answered_on_this_machine(listen: str) -> None:
    assert load(f"[metrics]\nlisten = '{listen}'", "x.toml").metrics.listen == listen


def test_a_word_of_the_settings_is_one_as_in_a_room() -> None:
    assert (config_checks.WORD_MIN, config_checks.WORD_MAX) == (line_rules.WORD_MIN, line_rules.WORD_MAX)
    for word in ("ab", "a", "x" * 40, "x" * 41, "a b", "a_b", "a-b", "小明", "é1", "", "  "):
        is_refused = bool([*config_checks.mistakes_in(Config(rooms=RoomsTable(held_words=[word])))])
        assert is_refused != line_rules.is_word(word), word
