"""How signs go through PostgreSQL: the channel, and for how long one waits to give them. Never knows what they say."""

SIGNS_CHANNEL = "chat_signs"
"""The channel of signs: `NODE TEXT`."""

SIGN_LOCK_MILLISECONDS = 300
"""For so long they wait for another commit that notifies: by PostgreSQL there is one at a time, and while a standby is away it is the first for ever.
The database refuses them then, and the connection is there for what comes next."""
