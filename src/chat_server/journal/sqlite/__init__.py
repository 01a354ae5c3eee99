"""The journal in SQLite files: how it is written, read, searched, checked, exported and imported.

It must never know sessions or who is in a room, nor how anything is shown.
"""
