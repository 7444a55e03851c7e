"""PostgreSQL: its statements, and the link that says them.

`look.sql` reads every session, `terminate.sql` is the only statement of the house that signals, `still_present.sql`
sees who is left. `probe.sql` and `setup.sql` belong to the connection.
"""
