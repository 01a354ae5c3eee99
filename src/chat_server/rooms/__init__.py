"""Places and who is in them: the hall and the chat rooms, the order of what happens there, and who has which name.

It must never know a journal's engine, a charset or bytes on the wire.
"""
