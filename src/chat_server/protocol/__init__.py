"""What both programs speak: requests and events, how they are typed, and what may be a name, a text or a time.

It must never know a connection, a room or a file, and imports nothing of ours from outside this package.
"""
