"""A bot that filters a room: lines of guests with links wait for a moderator, and what somebody says three times in a row is refused.

Usage: TOKEN=ct_... python moderation_bot.py HOST PORT NAME ROOM. It needs nothing but Python, and an owner of the room who says: /filter NAME on
The token is made by NAME with: /code bot guard
"""

import json
import os
import socket
import sys
import time
from collections import defaultdict, deque

host, port, name, room = sys.argv[1:] or sys.exit(__doc__)
recent = defaultdict(lambda: deque(maxlen=2))  # what each has said last


def verdict_on(asked):
    line, last = asked["line"].casefold(), recent[asked["nick"]]
    if list(last) == [line, line]:
        return {"verdict": "refuse", "why": "You have said that twice already."}
    last.append(line)
    if asked.get("guest") and ("://" in line or "www." in line):
        return {"verdict": "hold"}
    return {"verdict": "pass"}


while True:
    try:
        with (
            socket.create_connection((host, port)) as connection,
            connection.makefile("rw", encoding="utf-8", newline="\n") as lines,
        ):

            def send(**request):
                lines.write(json.dumps(request) + "\n")
                lines.flush()

            send(do="hello", protocol=2, program="moderation_bot")
            send(do="login", nick=name, token=os.environ["TOKEN"])
            for read in lines:
                event = json.loads(read)
                match event["is"]:
                    case "logged-in":
                        send(do="join", room=room)
                    case "filter-asked":
                        send(do="filter-answer", room=event["room"], id=event["id"], **verdict_on(event))
                    case "ping":
                        send(do="pong")
                    case "refused" | "dismissed" | "went-back":
                        print(event.get("text", event["is"]), file=sys.stderr)
    except OSError as error:
        print(f"{error}; trying again in 5 seconds", file=sys.stderr)
    time.sleep(5)
