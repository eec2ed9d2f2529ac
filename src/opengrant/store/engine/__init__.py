"""The database engines: SQLite and PostgreSQL with one interface, migrations, parameters, the clock.

It must not know a table of any subject.
"""
