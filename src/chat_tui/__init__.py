"""chat-tui: a terminal client for chat-server. It speaks JSON lines (docs/protocol.md) and knows nothing of the server but its vocabulary."""
