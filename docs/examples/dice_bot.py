"""A bot that rolls dice when somebody says `!roll`. Usage: python dice_bot.py HOST PORT ROOM. It needs nothing but Python."""

import json
import random
import socket
import sys
import time
import uuid

host, port, room = sys.argv[1:] or sys.exit(__doc__)
login = {"do": "login", "nick": "dice"}
while True:
    try:
        with (
            socket.create_connection((host, port)) as connection,
            connection.makefile("rw", encoding="utf-8", newline="\n") as lines,
        ):

            def send(**request):
                lines.write(json.dumps(request) + "\n")
                lines.flush()

            send(do="hello", protocol=2)
            send(**login)
            for line in lines:
                event = json.loads(line)
                match event["is"]:
                    case "logged-in":
                        login["token"] = event["token"]  # takes the name back from a connection that was lost
                        send(do="join", room=room)
                    case "said" if event["text"] == "!roll":  # what is read again comes in pages: never answer those
                        text = f"{event['nick']} rolls {random.randint(1, 6)}"
                        send(do="notice", room=room, text=text, key=uuid.uuid4().hex)
                    case "ping":
                        send(do="pong")
                    case "refused" | "dismissed":
                        print(event["text"], file=sys.stderr)
    except OSError as error:
        print(f"{error}; trying again in 5 seconds", file=sys.stderr)
    time.sleep(5)
