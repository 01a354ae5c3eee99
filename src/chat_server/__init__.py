"""A multi-room chat server, reached from any terminal."""

__version__ = "0.1.0"
