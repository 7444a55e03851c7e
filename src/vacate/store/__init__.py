"""Vacate's own state: the audit, the users and their credentials, the pinned servers.

The same code runs on SQLite, which is a file beside the service, and on PostgreSQL. Start with `database`,
which opens either; `tables` says what is kept; `audit`, `credentials` and `pins` each answer one port.
"""
