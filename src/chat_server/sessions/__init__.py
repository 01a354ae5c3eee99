"""One connection from its first request to its last byte: its loop, its pace, its limits, and what waits to be written to it.

It must never know what a command means.
"""
