"""The program on the screen: panes, keys, and how everything looks.

It must never know the wire; what is right to show is what the client says.
"""
