"""Tells the owners of sessions what is about to happen to them and what has happened, by signed HTTP requests.

The audit is the source: `delivery` follows it, has `messages` write what each endpoint is told, and hands that to
`sender`, which signs it (`signing`). What waits is in the store, so nothing here is ever on the path of a kill.
"""
