"""The engine `postgresql`: one journal of several servers, in a database of PostgreSQL. See engine.py."""
