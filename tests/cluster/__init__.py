"""Several servers on one PostgreSQL, as processes: what anybody is shown at any of them, whatever breaks.

nodes.py has the servers, links.py what is between them, the engine and their callers, people.py those who talk and note what they are told,
log.py what is stored, and checker.py what must be so of both.
"""
