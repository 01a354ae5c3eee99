"""The running server: its process, its listeners, who is let in, and the order of starting and stopping.

It must never know what is said, nor what a command means.
"""
