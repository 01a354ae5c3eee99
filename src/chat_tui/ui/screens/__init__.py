"""What opens over the chat: each screen asks one thing, and returns the answer."""
