"""What can be asked for: how a request finds its method, groups of commands, and what Tab and programs are told of them.

It must never know by which door a request came, nor how an answer is shown.
"""
