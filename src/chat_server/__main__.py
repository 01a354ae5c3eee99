"""`python -m chat_server` is the command `chat-server`."""

import sys

from chat_server.cli import main

if __name__ == "__main__":
    sys.exit(main())
