"""What people are shown: the server's sentences in each language, in the colours, width and charset of each kind of reader.

It must never know a session, nor who reads.
"""
