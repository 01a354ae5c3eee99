"""Telnet: its commands and options, and what a caller's client tells of its terminal.

It must never know what the text between the commands means.
"""
