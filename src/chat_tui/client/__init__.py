"""A user of one server, without a screen: the connection, what is known, what is kept on disk, and the line-by-line program.

It must never know Textual.
"""
