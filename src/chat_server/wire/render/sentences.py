"""Everything that the server says to a person, and how what people say is shown to others.

One function for each event, one line of text or a few, in the reader's language; what is one sentence stands beside the event's fields.
A line of somebody's text always stands after their name; the server's own word always begins with `* `, an action with `~ `, a notice with
`- `, a line that is read again with `#` and its number. So nobody can forge the server's word: no name begins with `*`, `~` or `#`, none is
followed by a space, and the lines of a text after its first are set in. How a line looks on a terminal is in profiles.py.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import chain, repeat
from typing import Any

from msgspec import UnsetType
from msgspec.structs import asdict

from chat_server.protocol import entries, events, people_events
from chat_server.protocol.alias_events import AliasesShown
from chat_server.protocol.amending import Reacted
from chat_server.protocol.choices import CHARSETS, LANGUAGES
from chat_server.protocol.conversation_events import ConversationsListed
from chat_server.protocol.described import DeviceShown, LastLogin
from chat_server.protocol.names import BOT, GUEST, marked
from chat_server.protocol.requests import ROOMS_SHOWN_MAX
from chat_server.protocol.room_events import AccountNoted, ReactionNoted, ReactionsTold
from chat_server.protocol.setting_events import CharsetHinted, SettingShown, ZoneShown
from chat_server.protocol.snippets import SnippetSet, SnippetsShown, SnippetUsed
from chat_server.protocol.stored_event import left_of
from chat_server.protocol.time_zones import local
from chat_server.protocol.typed import shortened
from chat_server.wire.render.amended import reaction_noted, reactions_told
from chat_server.wire.render.conversing import conversations_listed
from chat_server.wire.render.languages import Translator, counted, message, translator_for
from chat_server.wire.render.pages import day_of, entry_shown, found, own_lines, page_shown, recalled
from chat_server.wire.render.people import (
    aliases_shown,
    last_seen,
    mentions_shown,
    mentions_waiting,
    person_away,
    person_shown,
    snippet_told,
    snippets_shown,
)
from chat_server.wire.render.rows import rows_of
from chat_server.wire.render.text_lines import TextLine, as_text, cut, items, row_width, server_lines
from chat_server.wire.render.widths import columns_of

Counted = tuple[str, str, str]
"""A sentence for one, one for many, and the detail that says how many."""

USAGE = message("Usage: {usage}")

NUMBERS_SHOWN = message("{command} shows the numbers.")

SHOWS_NUMBERS = {"/unban": "/bans", "/resolve": "/reports", "/accept-held": "/held", "/decline": "/held"}
"""What shows the numbers that a command wants; those of lines shows /last."""

SAYS_ALL = {"usage-not-a-day"}
"""What is wrong in a sentence that says how it is right: no usage line follows."""

SENTENCES: dict[str, str | Counted] = {
    # Why a request was refused.
    "login-first": message("Log in first: /login NICK"),
    "logged-in-already": message(
        "You are already logged in as {nick}. /nick NICK changes your name; to log in as somebody else, /logout first."
    ),
    "name-length": message("A name has 1 to 32 characters."),
    "name-characters": message(
        "A name is made of letters of any script, digits, - and _; it cannot begin with a combining mark."
    ),
    "name-like-mark": message("That name has a letter that looks like one of the server's marks. Choose another name."),
    "name-of-server": message("That name would look like the server's. Choose another name."),
    "name-mixes-scripts": message("{name} mixes scripts: its {letter} is {which}. Write the whole name in one script."),
    "name-like-another": message(
        "{name} looks like {other}, who is here: the {letter} in it is {which}. Choose another name."
    ),
    "name-taken": message("{nick} is taken. Choose another name."),
    "name-registered": message(
        "{nick} is registered. If that is you: /login {nick}, then your password, or a code: /login {nick} CODE. Else choose another name."
    ),
    "name-like-registered": message(
        "{name} looks like {other}, which is registered: the {letter} in it is {which}. Choose another name."
    ),
    "name-kept": message("{nick} was somebody's name until lately, and is kept for them. Choose another name."),
    "moderators-only": message("That is for this room's owners and moderators. /role shows who they are."),
    "owners-only": message("That is for this room's owners. /role shows who they are."),
    "stands-above": message("That cannot be done to somebody who moderates here as you do, or stands above you."),
    "member-already": message("{nick} is a member here already. /members shows who is."),
    "invited-already": message("{nick} is invited already, and is told so on coming in."),
    "too-many-invitations": message("A room has at most {limit} invitations at a time. They end after two weeks."),
    "room-name-unusable": message("No room can be called {room}. Choose another name."),
    "lifts-above": message("Somebody who stands above you here has forbidden that. /bans shows who: ask them."),
    "last-owner": message("The last owner of a room stays one. Make somebody else an owner first: /role NAME owner"),
    "archived": message("This room is archived: it can be read, and nobody says anything in it."),
    "too-many-roles": message("A room has at most {limit} people with a role."),
    "too-many-curbs": message("A room has at most {limit} bans and mutes at a time. /bans shows them."),
    "kicked-here": message("You have been put out of {room}. You can come back in a minute."),
    "banned-here": message("You are banned from {room}, for {span} still (number {id}). Reason: {reason}"),
    "muted-here": message("You are muted in {room}, for {span} still (number {id}). Reason: {reason}"),
    "no-guests-here": message("Only people with an account come into {room}. /register makes one."),
    "slow-here": message("This room is slow: you can say something again in {seconds} s. Nothing was sent."),
    "server-moderators-only": message(
        "That is for the moderators and admins of this server, whom /role in the hall shows. In a room, /kick, /mute and /ban are about that room."
    ),
    "server-admins-only": message("That is for the admins of this server. /role in the hall shows who they are."),
    "last-admin": message("A server keeps its last admin. Make somebody else one first: /role NAME admin"),
    "role-on-server": message(
        "Rooms have no admins: the server has. An admin makes one in the hall: /role {nick} admin"
    ),
    "same-office": message("{nick} is that already."),
    "no-such-account": message("No account is called {nick} any more."),
    "too-many-bans": message(
        "There are as many bans and mutes on this server as there may be. /bans shows the newest."
    ),
    "muted-on-server": message("You are muted on this server, for {span} still (number {id}). Reason: {reason}"),
    "panic-guests": message(
        "Because of a disturbance guests can neither come in nor say anything just now, for {span} at most."
    ),
    "panic-new": message(
        "Because of a disturbance accounts younger than a day only read just now, for {span} at most."
    ),
    "panic-registration": message("Because of a disturbance nobody registers just now, for {span} at most."),
    "name-banned": message("{nick} is banned from this server. Choose another name."),
    "kicked-off-server": message(
        "A moderator has put you off this server. You can come back in a minute. Reason: {reason}"
    ),
    "banned-on-server": message("You are banned from this server, for {span} still (number {id}). Reason: {reason}"),
    "network-banned": message(
        "Nobody without an account that is older than a week comes in from your network, for {span} still (number {id}). Reason: {reason}"
    ),
    "speak-rule": message("Only {who} may speak in this room. /rule shows its rules, /role who they are."),
    "topic-rule": message("Only {who} may set the topic of this room. /role shows who they are."),
    "words-rule": message("That has a word in it that may not be said in this room. Nothing was sent."),
    "filter-refused": message("A filter of this room refuses that. Nothing was sent. It says: {why}"),
    "rules-changed": message("The rules of this room have just changed. Nothing was sent; say it again."),
    "curbed-author": message("{nick} may say nothing here just now. The line still waits: /decline it, or wait."),
    "too-many-listed-words": message("A room has at most {limit} words on its list."),
    "too-many-filters": message("A room has at most {limit} filters."),
    "edit-waits": message(
        "With that text the line would have to wait for a moderator, which one that was said cannot. Nothing was changed."
    ),
    "line-changed": message(
        "Line #{number} has just been deleted, or too much happens at once. Nothing was changed; try again."
    ),
    "links-rule": message("Only members may post links in this room. /role shows who they are."),
    "no-guests": message("Only people with an account come in here. /register {nick} makes one."),
    "wrong-password": message("Wrong name or password. Capitals count."),
    "too-many-tries": counted(
        "That was tried too often from your network. Try again in {seconds} second.",
        "That was tried too often from your network. Try again in {seconds} seconds.",
        "seconds",
    ),
    "busy": message("Many log in just now. Try again in a moment."),
    "no-secrets-here": message(
        "A password can be read on the way here, so none is asked for. Ways in: chat-tui, or TLS (openssl s_client -quiet -connect), where the"
        " server has it; a program on the server's own machine; or a code that /code device makes elsewhere: /login NICK CODE."
    ),
    "may-be-secret": message(
        "That was not said, for it may be a password; if it was meant to be said, send it again in a moment."
    ),
    "secret-below": message(
        "That was not said, for a password may stand behind {word} in it. To say it all the same, put /say before it."
    ),
    "register-which-nick": message("Under which name? Type /register NICK."),
    "password-missing": message('A program sends the password with its request, as "password".'),
    "password-length": message("A password has 1 to 256 bytes."),
    "password-short": message("A new password has at least 8 characters. Take a longer one: three or four words, say."),
    "password-is-name": message("Your name is no password: it is tried first. Choose another one."),
    "password-common": message("That is among the passwords that everybody tries first. Choose another one."),
    "too-many-devices": message(
        "That account has as many devices as one may have. Log in at one of them, or by telnet, and drop others."
    ),
    "too-many-codes": message("You have made as many codes as one may have made. Wait until some have ended."),
    "account-gone": message("That account has been closed."),
    "changed-meanwhile": message("Your account was changed just now. Log in again."),
    "wrong-code": message("That code is wrong, has been used, or is too old. Ask for another one."),
    "registered-too-often": counted(
        "Enough have registered here for now, from your network or from all. Try again in {minutes} minute.",
        "Enough have registered here for now, from your network or from all. Try again in {minutes} minutes.",
        "minutes",
    ),
    "same-name": message("Your nickname is already {nick}."),
    "nobody-hears": message("Nobody hears you in the hall. /rooms lists the rooms, /join ROOM enters one."),
    "no-such-room": message("There is no room {room}. /rooms lists the rooms."),
    "no-such-room-but": message("There is no room {room}. Did you mean {near}?"),
    "in-room-already": message("You are already in {room}."),
    "unknown-command": message("There is no command /{word}. /help lists all."),
    "unknown-command-but": message("There is no command /{word}. Did you mean /{near}?"),
    "unknown-command-slash": message(
        "There is no command /{word}. To say a line that begins with a slash, type two: //{word}"
    ),
    "not-in-hall": message("/{word} works only in a room. /rooms lists the rooms, /join ROOM enters one."),
    "not-in-conversations": message("/{word} does not work in a conversation. /help lists what does."),
    "dm-self": message("That is you: nobody writes to themselves."),
    "dm-accounts": message(
        "Nothing was sent: only who has an account can begin to write to {nick}. /register makes one."
    ),
    "dm-shared": message(
        "Nothing was sent: only who has been in a room together with {nick} can begin to write to {nick}."
    ),
    "dm-known": message("Nothing was sent: nobody new can begin to write to {nick}."),
    "dm-requests": message(
        "{limit} people to whom you have begun to write have not answered yet. Wait for one of them before you write to somebody new."
    ),
    "dm-partners": message("You have begun to write to {limit} people within a day. Tomorrow you can write to others."),
    "dm-unanswered": message("{nick} has not answered yet. What you have written waits for them; no more does."),
    "dm-unread": message("{nick} has still {limit} lines to read of you. Nothing was sent."),
    "dm-full": message("{nick} has too many unread messages. Nothing was sent; try again when they have read some."),
    "not-in-rooms": message("/{word} does not work in a room. /help lists what does."),
    "usage": USAGE,
    # What is wrong with what was typed; the usage line follows.
    "usage-missing": message("Missing: {field}."),
    "usage-unexpected": message('Unexpected: "{value}".'),
    "usage-not-a-number": message('"{value}" is not a number.'),
    "usage-too-small": message("{value} is too small: {least} is the least."),
    "usage-too-large": message("{value} is too large: {most} is the most."),
    "usage-not-a-choice": message('"{value}" is not one of these: {choices}.'),
    "usage-not-a-day": message(
        '"{value}" is not a day. Write it as 2026-11-20, yesterday, monday, 3 days ago or yesterday 14:00.'
    ),
    "room-exists": message("There is already a room {room}. /join {room} enters it."),
    "room-like-another": message(
        "{name} looks like the room {other}: the {letter} in it is {which}. Choose another name, or enter that one by /join {other}."
    ),
    "rooms-full": message("There are already as many rooms as this server allows."),
    "room-is-command": message("/{room} is a command: choose another name for the room."),
    "topic-length": message("A topic has at most {limit} characters."),
    "no-such-zone": message("There is no zone {zone}. A zone is written as Europe/Berlin or +02:00."),
    "no-such-language": message("{language} is not available. Choose from: {languages}"),
    "no-such-charset": message("The charset {charset} is not available. Choose from: {charsets}"),
    "not-for-bots": message("/{word} is for people, not for bots."),
    "wrong-token": message("This token lets nobody in: it has ended, was dropped, or is not whole."),
    "no-such-width": message("/wrap takes on, off, or the width of your terminal in columns, 20 to 200."),
    "for-terminals": message("/{word} is for telnet and nc; your program shows text in its own way."),
    "for-programs": message("/{word} is for programs."),
    "not-allowed": message("You may not use /{word}."),
    "no-telnet": message("/{word} needs telnet, which your program does not seem to speak. (nc does not.)"),
    "not-editable": message("Your telnet edits your line itself, and does not let the server do it."),
    "too-many-words": message("At most {limit} words can be searched for at once."),
    "no-words": message("There is nothing in that to search for."),
    "no-memory": message(
        "The server is short of memory and has dropped what you had begun to type. Shorten it, or try again later."
    ),
    "rooms-owned": message(
        "An account owns {limit} rooms at most. /destroy deletes one; /role makes another its owner."
    ),
    "renamed-too-often": message("You have renamed rooms {limit} times today. Nobody may more often."),
    "rooms-by-person": counted(
        "You have created {limit} room within a day, which is the most for one person. Use an existing room (/rooms), or try again tomorrow.",
        "You have created {limit} rooms within a day, which is the most for one person. Use an existing room (/rooms), or try again tomorrow.",
        "limit",
    ),
    "rooms-by-address": counted(
        "{limit} room was created from your address within a day, which is the most. Use an existing room (/rooms), or try again tomorrow.",
        "{limit} rooms were created from your address within a day, which is the most. Use an existing room (/rooms), or try again tomorrow.",
        "limit",
    ),
    "engine-away": message(
        "That cannot be done just now: what keeps all that is said here does not answer. Try again in a moment."
    ),
    "cannot-store": message("That could not be stored just now. Try again later."),
    "not-kept": message(
        "That holds for now, but could not be stored: it is forgotten when you go. Choose it again later."
    ),
    "cannot-read": message("What was said cannot be read just now. Try again later."),
    "cannot-show": message("That could not be shown: something went wrong on the server's side, and has been noted."),
    "line-too-long": message("That line was longer than {limit} bytes and was not sent. Shorten it."),
    "not-in-room": message("You are not in {room}. Join it first."),
    "too-many-rooms": counted(
        "You can be in {limit} room at a time.", "You can be in {limit} rooms at a time.", "limit"
    ),
    "too-many-sessions": counted(
        'You are connected {limit} time already. Log out there, or log in without "session":"add", which ends that connection.',
        'You are connected {limit} times already. Log out somewhere, or log in without "session":"add", which ends all of them.',
        "limit",
    ),
    "connected-too-often": counted(
        "You are connected {limit} time already. Log out there first.",
        "You are connected {limit} times already. Log out somewhere first.",
        "limit",
    ),
    "not-json": message('Expected a JSON object with the field "do".'),
    "unknown-request": message("There is no command /{word}. /help lists all."),
    "wrong-field": message("{field}: {why}"),
    "text-too-long": message("A text has at most {limit} bytes."),
    # Why a session ends.
    "login-time": counted(
        "You did not log in within {seconds} second. Goodbye.",
        "You did not log in within {seconds} seconds. Goodbye.",
        "seconds",
    ),
    "unfinished-line": counted(
        "Your line did not end within {seconds} second. Goodbye.",
        "Your line did not end within {seconds} seconds. Goodbye.",
        "seconds",
    ),
    "idle": counted(
        "You said nothing for {seconds} second. Goodbye.",
        "You said nothing for {seconds} seconds. Goodbye.",
        "seconds",
    ),
    "silent": counted(
        "Nothing was heard from you for {seconds} second. Goodbye.",
        "Nothing was heard from you for {seconds} seconds. Goodbye.",
        "seconds",
    ),
    "taken-over": message("You have logged in on another connection. Goodbye."),
    "stopping": message("The server is stopping. Goodbye."),
    "moved": message(
        "This part of the server is stopping, and the others go on: connect again, and you are back. Goodbye."
    ),
    "restarting": counted(
        "The server is being restarted: connect again in {seconds} second, and you are back. Goodbye.",
        "The server is being restarted: connect again in {seconds} seconds, and you are back. Goodbye.",
        "seconds",
    ),
    "token-ended": message("The time of this bot's token is over. Goodbye."),
    "dropped": message("This device was logged out from another one. Goodbye."),
    "password-changed": message("Your password was changed at another device. Log in again with the new one. Goodbye."),
    "account-ends": message("Your account is to end, and is logged out everywhere. Goodbye."),
    "account-ended": message("An operator has ended your account. Goodbye."),
    "dropped-by-operator": message("An operator has logged this device out. Log in again. Goodbye."),
    "kicked": message("An operator has ended your connection. Goodbye."),
    "kicked-because": message("An operator has ended your connection: {reason}. Goodbye."),
    "failed": message("Something went wrong on the server's side, and has been noted. Goodbye."),
    # Why a caller is not let in.
    "server-full": message("The server is full. Try again later."),
    "address-full": message("There are too many connections from your address. Try again later."),
    "tls-required": message(
        "Only encrypted connections are taken here: come in with chat-tui, ncat --ssl, or openssl s_client -quiet -connect."
    ),
    "no-proxy-header": message(
        "Your proxy did not say who is calling. Whoever runs it can turn on the PROXY protocol for this server."
    ),
    "untrusted-proxy": message(
        "This server does not let your proxy say who is calling. Whoever runs the server can add the proxy's address to [proxy] trusted."
    ),
}

PROMPTS = {
    "password": message("Password: "),
    "password-again": message("Password, or an empty line to give up: "),
    "new-password": message("New password: "),
    "new-password-again": message("New password, or an empty line to give up: "),
    "again": message("The same once more: "),
}
"""With which somebody is asked for a secret."""

CHOICES: dict[str, tuple[str, str]] = {
    "language": (message("The server now speaks English."), message("/lang takes: ")),
    "charset": (message("Your text is read and written in {value}."), message("/charset takes: ")),
    "mode edit": (
        message("Your line is edited here: arrow keys, history, Tab."),
        message("/mode line leaves it to your program."),
    ),
    "mode line": (message("Your program edits your line."), message("/mode edit edits it here, for telnet.")),
    "colour on": (message("Colours are on."), message("/colour off turns them off.")),
    "colour off": (message("Colours are off."), message("/colour on turns them on.")),
    "wrap": (
        message("Long lines are broken for {value} columns."),
        message("/wrap off leaves that to your terminal."),
    ),
    "wrap off": (
        message("Long lines are not broken."),
        message("/wrap on breaks them, /wrap 80 for 80 columns."),
    ),
    "wrap unknown": (
        message("Your terminal has not said how wide it is. /wrap 80 breaks lines for 80 columns."),
        message("/wrap off leaves that to your terminal."),
    ),
    "plain on": (
        message("Plain mode is on: no colours, no ornaments, nothing is drawn twice."),
        message("/plain off turns it off."),
    ),
    "plain off": (message("Plain mode is off."), message("/plain turns it on.")),
    "keepalive on": (
        message("Your connection is kept open: a telnet NOP is sent whenever it has been silent for a while."),
        message("/keepalive off turns that off."),
    ),
    "keepalive off": (
        message("Your connection is not kept open by telnet."),
        message("/keepalive on turns that on."),
    ),
    "typing on": (
        message(
            "Who has chosen the same sees when you are writing, and you see when they are: in chat-tui and other programs, not at telnet. It is"
            " kept nowhere."
        ),
        message("/typing off turns that off."),
    ),
    "typing off": (
        message("Nobody sees when you are writing, and you do not see when others are."),
        message("/typing on turns that on."),
    ),
    "receipts on": (
        message(
            "Who writes with you and has chosen the same sees how far you have read, and you see how far they have: in chat-tui and other programs,"
            " not at telnet. It is kept nowhere."
        ),
        message("/receipts off turns that off."),
    ),
    "receipts off": (
        message("Nobody sees how far you have read, and you do not see how far others have."),
        message("/receipts on turns that on."),
    ),
}
"""What a setting is now, and how to change it, for somebody who only asks."""

ASKED = {"language": message("The server speaks English.")}
"""What a setting is, where somebody who only asks is told it in other words."""

HINT_FOR_CHINESE = message(
    "That line is not UTF-8, so nobody was shown it. If it was Chinese, type /charset gb18030 and send it again. /charset lists the others."
)


def sentence(code: str, details: dict[str, str], language: str = "en") -> str:
    """The sentence that a code stands for."""
    known, translator = SENTENCES[code], translator_for(language)
    if code == "usage":
        return _usage_and_what_is_wrong(details, translator)
    everything = {"languages": _languages(translator), "charsets": translator.text(", ").join(CHARSETS), **details}
    if isinstance(known, str):
        return translator.text(known, **everything)
    one, many, number = known
    return translator.count(one, many, 1 if details[number] == "1" else 2, **everything)


def prompted(prompt: str, language: str = "en") -> str:
    """The words with which somebody is asked for a secret."""
    return translator_for(language).text(PROMPTS[prompt])


def _usage_and_what_is_wrong(details: dict[str, str], translator: Translator) -> str:
    """What is wrong with what was typed, if that is known, and how it is typed."""
    usage = translator.text(USAGE, usage=_usage(translator, details["usage"]))
    if details.get("why") not in SENTENCES:
        return usage
    shown = dict(details)
    if "field" in details:
        shown["field"] = translator.word(details["field"].upper())
    if "choices" in details:
        shown["choices"] = translator.text(", ").join(details["choices"].split())
    why = translator.text(str(SENTENCES[details["why"]]), **shown)
    if command := _shows_numbers(details):
        where = translator.text(NUMBERS_SHOWN, command=command)
        why = translator.text("{why} {usage}", why=why, usage=where)
    return why if details["why"] in SAYS_ALL else translator.text("{why} {usage}", why=why, usage=usage)


def _shows_numbers(details: dict[str, str]) -> str:
    """Which command shows the number that was to be typed and was not; "": none does, or it was no number that was missing."""
    is_missing = details["why"] == "usage-missing" and details["field"] in ("number", "id")
    if not (is_missing or details["why"] == "usage-not-a-number"):
        return ""
    word, *parameters = details["usage"].split()
    return SHOWS_NUMBERS.get(word, "/last" if parameters[:1] == ["NUMBER"] else "")


def _languages(translator: Translator) -> str:
    return translator.text(", ").join(f"{code} ({name})" for code, name in LANGUAGES.items())


def _listed(translator: Translator, start: str, names: list[str]) -> list[str]:
    return items(start, names, translator.text(", "), columns=translator.columns)


def _names(translator: Translator, nicks: Sequence[str]) -> str:
    """`ann`, `ann and bob`, `ann, bob and carol`."""
    if len(nicks) == 1:
        return nicks[0]
    return translator.text("{names} and {last}", names=translator.text(", ").join(nicks[:-1]), last=nicks[-1])


def _usage(translator: Translator, usage: str) -> str:
    """The usage line, with the words for what is to be filled in in the language."""
    return re.sub(r"(?<=[ \[])[A-Z][A-Z_]*", lambda name: translator.word(name[0]), usage)


FEW_ROOMS = 10
"""Rooms that are listed in one line, if they fit and none has a topic."""

EMPTY_NAMED_MAX = 20
"""Empty rooms that /rooms names; the others it counts."""

GROUP_NAMES = {
    "general": message("General"),
    "talking": message("Talking"),
    "rooms": message("Rooms"),
    "reading": message("Reading back"),
    "moderating": message("Moderating"),
    "terminal": message("Your terminal"),
}
"""The headings of /help."""

DAILY = frozenset(
    (
        *("logout", "help", "nick", "register", "me", "msg", "reply", "away", "mentions"),
        *("rooms", "join", "topic", "online", "create", "back", "last", "search"),
    )
)
"""The commands that /help shows where all would not fit on a screen; of the others it says how many there are of which group. Where there are
more than so many commands:"""

HELP_ROWS = 18


def _explained(translator: Translator, explanation: str) -> str:
    """A line of a command's explanation. They are docstrings; `scripts/catalogue` takes them into the catalogue from there."""
    return translator.text(explanation) if explanation else ""


def _greeted(event: events.Greeted, translator: Translator) -> list[TextLine]:
    return server_lines(
        translator.text("Hello. This is chat-server {version}. 中文: /lang zh", version=event.version),
        translator.text("Type /login and a nickname to come in; /help for more."),
    )


def _logged_in(event: events.LoggedIn, translator: Translator) -> list[TextLine]:
    last = [] if isinstance(event.last_login, UnsetType) else _last_login(event.last_login, translator)
    return server_lines(
        translator.text("Welcome, {nick}.", nick=event.nick),
        *last,
        translator.text("/rooms lists the rooms, /join ROOM enters one, /help tells more."),
    )


def _last_login(last: LastLogin, translator: Translator) -> list[str]:
    taken_back = [translator.text("Your account was about to end. Now it goes on.")] if last.was_ending else []
    return [_last_here(last, translator), *taken_back]


def _last_here(last: LastLogin, translator: Translator) -> str:
    when = local(last.at, last.zone).strftime("%Y-%m-%d %H:%M")
    if not last.failed:
        return translator.text("You were here last: {when}. Nobody has tried a wrong password since.", when=when)
    tries = translator.count("{number} wrong password", "{number} wrong passwords", last.failed)
    networks = translator.count("{number} network", "{number} networks", last.networks)
    return translator.text(
        "You were here last: {when}. Since then: {tries}, from {networks}.", when=when, tries=tries, networks=networks
    )


def _devices_listed(event: events.DevicesListed, translator: Translator) -> list[TextLine]:
    rows = [_device_in_a_row(device, event.zone, translator) for device in event.devices]
    if event.terminals:
        rows.append(
            translator.count(
                "You are also at {number} other terminal.", "You are also at {number} other terminals.", event.terminals
            )
        )
    networks = [
        translator.text("{network} ({day})", network=one.network, day=local(one.seen, event.zone).strftime("%Y-%m-%d"))
        for one in event.networks
    ]
    came = [translator.text("You came last from: {listed}.", listed=translator.text(", ").join(networks))] * bool(
        networks
    )
    if not rows:
        return server_lines(translator.text("No program has logged in with your account."), *came)
    told = translator.text("/drop NUMBER logs one out for good, /drop others all but this one.")
    return server_lines(*rows, *came, told)


def _device_in_a_row(device: DeviceShown, zone: str, translator: Translator) -> str:
    seen = local(device.seen, zone).strftime("%Y-%m-%d %H:%M")
    made = local(device.made, zone).strftime("%Y-%m-%d")
    name = device.name + (BOT if device.kind == "bot" else "")
    details = {"number": device.number, "name": name, "made": made, "seen": seen, "network": device.network}
    if device.kind == "bot":
        return _bot_in_a_row(device, zone, details, translator)
    if device.is_this:
        return translator.text("{number}: {name}, since {made}: this one", **details)
    if device.is_here:
        return translator.text("{number}: {name}, since {made}: here now, from {network}", **details)
    return translator.text("{number}: {name}, since {made}: last here {seen}, from {network}", **details)


def _bot_in_a_row(device: DeviceShown, zone: str, details: dict[str, object], translator: Translator) -> str:
    if not device.network:
        row = translator.text("{number}: {name}, since {made}: never used", **details)
    elif device.is_here:
        row = translator.text("{number}: {name}, since {made}: here now, from {network}", **details)
    else:
        row = translator.text("{number}: {name}, since {made}: last here {seen}, from {network}", **details)
    if not isinstance(device.rooms, UnsetType):
        row += translator.text("; only in {rooms}", rooms=translator.text(", ").join(device.rooms))
    if not isinstance(device.ends, UnsetType):
        row += translator.text("; until {day}", day=local(device.ends, zone).strftime("%Y-%m-%d %H:%M"))
    return row


def _account_shown(event: events.AccountShown, translator: Translator) -> list[TextLine]:
    made = local(event.made, event.zone).strftime("%Y-%m-%d")
    return server_lines(
        translator.text(
            "{nick}, since {made}. Devices: {devices}. Recovery codes left: {recovery}.",
            nick=event.nick,
            made=made,
            devices=event.devices,
            recovery=event.recovery,
        ),
        translator.text(
            "/devices lists your devices, /password changes your password, /help account says how to end it."
        ),
    )


def _registered(event: events.Registered, translator: Translator) -> list[TextLine]:
    return server_lines(
        translator.text("{nick} is your account now, and nobody else's name.", nick=event.nick),
        translator.text(
            "If you forget your password, each of these codes lets you in once, and nothing else does: {codes}",
            codes=translator.text(", ").join(event.recovery),
        ),
        translator.text("Write them down and keep them secret. They are not shown again."),
    )


def _entered(event: events.Entered, translator: Translator) -> list[TextLine]:
    topic = [translator.text("Topic: {topic}", topic=event.topic)] if event.topic else []
    names = _with_away(event, translator)
    if event.more:
        names.append(translator.count("and {number} other", "and {number} others", event.more))
    people = (
        _listed(translator, translator.text("Also here: "), names)
        if names
        else [translator.text("Nobody else is here.")]
    )
    holds = _what_holds(event, translator) if event.archived or event.rules or event.forbidden else []
    return server_lines(translator.text("You are in {room}.", room=event.room), *topic, *holds, *people)


def _what_holds(event: events.Entered, translator: Translator) -> list[str]:
    """That the room is archived, its rules that are not as in every room, as they are typed, and what the receiver is forbidden."""
    archived = [translator.text(str(SENTENCES["archived"]))] if event.archived else []
    in_words = ", ".join(f"{name} {value}" for name, value in (event.rules or {}).items())
    rules = [translator.text("Rules here: {rules}", rules=in_words)] if in_words else []
    return [*archived, *rules, *_forbidden(event, translator)]


def _forbidden(event: events.Entered, translator: Translator) -> list[str]:
    now = event.now or 0.0
    told = [(one, {"room": event.room, "span": left_of(one.until - now)}) for one in event.forbidden or ()]
    return [
        translator.text(str(SENTENCES["muted-here"]), **details, id=one.id, reason=one.reason or "-")
        for one, details in told
    ]


def _rooms_listed(event: events.RoomsListed, translator: Translator) -> list[TextLine]:
    rooms = sorted(event.rooms, key=lambda room: -room[1])
    archived = (
        _listed(translator, translator.text("Archived: "), [name for name, _ in event.archived])
        if event.archived
        else []
    )
    if not rooms:
        return server_lines(*archived or [_no_rooms(translator, event.name)])
    in_one_line = _listed(
        translator, translator.text("Rooms: "), [f"{name} ({people})" for name, people in rooms[:FEW_ROOMS]]
    )
    if len(rooms) <= FEW_ROOMS and len(in_one_line) == 1 and not event.topics:
        return server_lines(*in_one_line, *archived)
    busy = [room for room in rooms if room[1] or room[0] in event.topics]
    empty = [name for name, people in rooms if not people and name not in event.topics]
    rows = [
        _room_in_a_row(translator, name, people, event.topics.get(name, "")) for name, people in busy[:ROOMS_SHOWN_MAX]
    ]
    return server_lines(
        *rows, *_more_rooms(translator, len(busy) - len(rows)), *_empty_rooms(translator, empty), *archived
    )


def _no_rooms(translator: Translator, name: str) -> str:
    if name:
        return translator.text("No room has {name} in its name. /rooms lists all.", name=shortened(name))
    return translator.text("There are no rooms yet. /create ROOM opens one.")


def _room_in_a_row(translator: Translator, name: str, people: int, topic: str) -> str:
    whole = f"{name} ({people})"
    if not topic:
        return whole
    most = max(row_width(translator.columns), columns_of(whole) + len(":…"))  # a name is never cut: one has to type it
    return cut(translator.text("{room} ({people}): {topic}", room=name, people=people, topic=topic), most)


def _more_rooms(translator: Translator, number: int) -> list[str]:
    if number <= 0:
        return []
    return [
        translator.count(
            "{number} more room has people in it. /rooms NAME lists the rooms with NAME in their names.",
            "{number} more rooms have people in them. /rooms NAME lists the rooms with NAME in their names.",
            number,
        )
    ]


def _empty_rooms(translator: Translator, names: list[str]) -> list[str]:
    """How many rooms are empty, and some of their names."""
    if not names:
        return []
    shown = names[:EMPTY_NAMED_MAX]
    if len(names) > len(shown):
        others = len(names) - len(shown)
        shown.append(translator.count("and {number} other room", "and {number} other rooms", others))
    return _listed(translator, translator.count("{number} empty room: ", "{number} empty rooms: ", len(names)), shown)


def _online_listed(event: people_events.OnlineListed, translator: Translator) -> list[TextLine]:
    if not event.nicks:
        return server_lines(translator.text("Nobody else is in {room}.", room=event.room))
    start = translator.count(
        "{number} other in {room}: ", "{number} others in {room}: ", len(event.nicks), room=event.room
    )
    return server_lines(*_listed(translator, start, _with_away(event, translator, says_why=True)))


def _with_away(
    event: people_events.OnlineListed | events.Entered, translator: Translator, *, says_why: bool = False
) -> list[str]:
    """The names in it, with marks behind those of guests and of those who are away; and with what these say of it, if that is asked for."""
    names = marked(event.nicks, event.guests)
    if isinstance(event.away, UnsetType):
        return names
    away = frozenset(event.away)
    reasons = event.reasons if says_why and not isinstance(event.reasons, UnsetType) else {}
    return [
        _with_reason(translator, name, reasons.get(nick, "")) if nick in away else name
        for nick, name in zip(event.nicks, names, strict=True)
    ]


def _with_reason(translator: Translator, name: str, reason: str) -> str:
    if not reason:
        return translator.text("{nick} (away)", nick=name)
    return translator.text("{nick} (away: {reason})", nick=name, reason=reason)


def _help_listed(event: events.HelpListed, translator: Translator) -> list[TextLine]:
    commands = [*zip(event.commands, chain(event.groups, repeat("")), strict=False)]
    is_long = not event.only and len(commands) > HELP_ROWS
    if is_long:
        commands = [one for one in commands if one[0][0].split()[0].removeprefix("/") in DAILY]
    lines: list[str] = []
    heading = ""
    for (usage, summary), group in commands:
        before, heading = heading, GROUP_NAMES.get(group, heading)
        if heading != before and not is_long:
            lines.append(translator.rule(translator.text(heading)))
        lines.append(f"{_usage(translator, usage)} - {_explained(translator, f'{summary}.').rstrip('.。')}")
    if is_long:
        lines += _listed(translator, translator.text("All commands: "), _by_group(translator, event.groups))
    if event.rooms:
        lines += _listed(translator, translator.text("Rooms are commands too: "), [f"/{room}" for room in event.rooms])
    return server_lines(*lines)


def _by_group(translator: Translator, groups: Iterable[str]) -> list[str]:
    """How many commands each group has, and how they are listed."""
    return [
        translator.text("/help {group} ({number})", group=group, number=number)
        for group, number in Counter(groups).items()
    ]


def _command_explained(event: events.CommandExplained, translator: Translator) -> list[TextLine]:
    lines = [_explained(translator, line) for line in filter(None, event.text.splitlines())]
    if event.room:
        lines = [translator.text("Enter the room {room}.", room=event.room)]
    aliases = [f"/{alias}" for alias in event.aliases]
    also = [translator.text("Also: {commands}", commands=translator.text(", ").join(aliases))] if aliases else []
    return server_lines(translator.text("Usage: {usage}", usage=_usage(translator, event.usage)), *lines, *also)


def _joined(event: events.Joined, translator: Translator) -> list[TextLine]:
    nicks = marked(event.nicks, event.guests)
    if not event.more:
        return server_lines(translator.text("{names} joined", names=_names(translator, nicks)))
    names = translator.text(", ").join(nicks)
    return server_lines(
        translator.count(
            "{names} and {number} other joined", "{names} and {number} others joined", event.more, names=names
        )
    )


def _account_noted(event: AccountNoted, translator: Translator) -> list[TextLine]:
    lines = [
        translator.text("{nick} has an account now: nobody else can have the name.", nick=nick) for nick in event.nicks
    ]
    if event.is_first:
        lines.append(translator.text("From now on a ? stands behind the names of guests, who have no account."))
    return server_lines(*lines)


def _left(event: events.Left, translator: Translator) -> list[TextLine]:
    nicks = marked(event.nicks, event.guests)
    if not event.more:
        return server_lines(translator.text("{names} left", names=_names(translator, nicks)))
    names = translator.text(", ").join(nicks)
    return server_lines(
        translator.count("{names} and {number} other left", "{names} and {number} others left", event.more, names=names)
    )


def _renamed(event: events.Renamed, translator: Translator) -> list[TextLine]:
    old, new = (f"{nick}{GUEST}" if event.guest else nick for nick in (event.old, event.new))
    return server_lines(translator.text("{old} is now {new}", old=old, new=new))


def _skipped(event: events.Skipped, translator: Translator) -> list[TextLine]:
    skipped = translator.count(
        "{number} line was skipped: your connection did not keep up.",
        "{number} lines were skipped: your connection did not keep up.",
        event.lines,
    )
    where = "".join(translator.text(" /since {seq} shows what was said.", seq=seq) for seq in event.rooms.values())
    return server_lines(skipped + where)


def _not_stored(event: events.NotStored, translator: Translator) -> list[TextLine]:
    return server_lines(
        translator.count(
            "Your line could not be stored, so nobody has seen it. Try again later.",
            "{number} of your lines could not be stored, so nobody has seen them. Try again later.",
            event.lines,
        )
    )


def _timed(event: events.Timed, translator: Translator) -> list[TextLine]:
    return server_lines(
        translator.text(
            "#{seq} waited {queued:.1f} ms in the queue and was stored in {stored:.1f} ms.",
            seq=event.seq,
            queued=event.queued * 1000,
            stored=event.stored * 1000,
        )
    )


def _zone_shown(event: ZoneShown, translator: Translator) -> list[TextLine]:
    now = local(event.now, event.zone)
    zone = event.zone or translator.text("{zone}, the server's own zone", zone=now.tzname())
    day, time = day_of(translator, event.now, event.zone), now.strftime("%H:%M")
    return server_lines(
        translator.text("It is {day} {time}. Times are shown in {zone}.", day=day, time=time, zone=zone)
    )


def _topic_shown(event: events.TopicShown, translator: Translator) -> list[TextLine]:
    if not event.topic:
        return server_lines(translator.text("{room} has no topic.", room=event.room))
    return server_lines(translator.text("Topic of {room}: {topic}", room=event.room, topic=event.topic))


def _setting_shown(event: SettingShown, translator: Translator) -> list[TextLine]:
    known, hint = CHOICES.get(f"{event.setting} {event.value}") or CHOICES[event.setting]
    if event.is_new:
        return server_lines(translator.text(known, value=event.value))
    answer = translator.text(ASKED.get(event.setting, known), value=event.value)
    names = {"language": [f"{code} ({name})" for code, name in LANGUAGES.items()], "charset": [*CHARSETS]}
    others = names.get(event.setting)
    return server_lines(
        answer, *(_listed(translator, translator.text(hint), others) if others else [translator.text(hint)])
    )


def _refused(event: events.Refused, translator: Translator) -> list[TextLine]:
    return server_lines(sentence(event.code, event.details, translator.language))


def _slowed(event: events.Slowed, translator: Translator) -> list[TextLine]:
    if event.is_shared:
        return server_lines(
            translator.count(
                "Your address as a whole is sending more than {number} line a second; the rest follows in order.",
                "Your address as a whole is sending more than {number} lines a second; the rest follows in order.",
                event.limit,
            )
        )
    return server_lines(
        translator.count(
            "You are sending faster than {number} line a second; the rest follows in order.",
            "You are sending faster than {number} lines a second; the rest follows in order.",
            event.limit,
        )
    )


def in_one_sentence(event: events.Event, language: str) -> str:
    """What is told of an event of which one sentence tells all. Raises LookupError if none does."""
    return _sentence_of(event, translator_for(language))


def _sentence_of(event: events.Event, translator: Translator) -> str:
    if not event.sentence:
        raise LookupError(f"nothing says how {type(event).__name__} is told")
    details = event.details if isinstance(event, events.Refused) else asdict(event)
    listed = {
        name: translator.text(", ").join(value) or translator.text("nothing")
        for name, value in details.items()
        if isinstance(value, tuple)
    }
    if isinstance(event, events.Answered) and event.listed_in:
        listed["listed"] = "\n".join(rows_of(event, getattr(event, event.listed_in), translator))
    told = translator.text(event.own_sentence, **{**details, **listed})
    if isinstance(event, events.Answered) and (more := event.own_more_sentence):
        told += "\n" + translator.text(more, **details)
    return told


def _in_one_sentence(event: events.Event, translator: Translator) -> list[TextLine]:
    return server_lines(_sentence_of(event, translator))


RENDERERS: dict[type[events.Event], Callable[[Any, Translator], list[TextLine]]] = {
    **dict.fromkeys((*entries.KINDS, entries.LineBlocked), lambda event, translator: [entry_shown(translator, event)]),
    Reacted: lambda event, translator: [entry_shown(translator, event)] if event.room.startswith("@") else [],
    ReactionsTold: reactions_told,
    ReactionNoted: reaction_noted,
    events.NotStored: _not_stored,
    events.Timed: _timed,
    entries.Recalled: recalled,
    entries.PageShown: page_shown,
    entries.Found: found,
    entries.OwnLines: own_lines,
    entries.MentionsShown: mentions_shown,
    people_events.PersonAway: person_away,
    people_events.MentionsWaiting: mentions_waiting,
    people_events.PersonShown: person_shown,
    people_events.LastSeen: last_seen,
    AliasesShown: aliases_shown,
    SnippetsShown: snippets_shown,
    SnippetSet: snippet_told,
    SnippetUsed: snippet_told,
    events.TopicShown: _topic_shown,
    ZoneShown: _zone_shown,
    SettingShown: _setting_shown,
    CharsetHinted: lambda _, translator: server_lines(translator.text(HINT_FOR_CHINESE)),
    events.Joined: _joined,
    events.Left: _left,
    AccountNoted: _account_noted,
    events.Renamed: _renamed,
    events.Greeted: _greeted,
    events.LoggedIn: _logged_in,
    events.Registered: _registered,
    events.DevicesListed: _devices_listed,
    events.AccountShown: _account_shown,
    events.Dismissed: lambda event, translator: server_lines(sentence(event.why, event.details, translator.language)),
    events.Refused: _refused,
    events.Entered: _entered,
    events.RoomsListed: _rooms_listed,
    people_events.OnlineListed: _online_listed,
    events.HelpListed: _help_listed,
    events.CommandExplained: _command_explained,
    events.Slowed: _slowed,
    events.Skipped: _skipped,
    ConversationsListed: conversations_listed,
}
"""How events are told for which one sentence is not enough."""


def event_lines(event: events.Event, translator: Translator) -> list[TextLine]:
    """The lines in which an event is told to a person."""
    return RENDERERS.get(type(event), _in_one_sentence)(event, translator)


def text_of(event: events.Event, language: str = "en") -> str:
    """An event as text, each line with its end, as it stands where nothing is known of the terminal."""
    return as_text(event_lines(event, translator_for(language)))
