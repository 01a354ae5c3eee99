"""The line that a caller edits on their terminal: what keys do to it, and what is drawn.

It must never know telnet, nor what a line means.
"""
