"""The database engines: SQLite and PostgreSQL behind one port, migrations, parameters, the clock.

It must not know a table of any subject.
"""
