"""The compatible door: the GaussDB v3 session calls as the vendor documents them.

`routes` has the calls, `wire` the shapes on the wire, `errors` the one table from error class to status and code.
The vendor calls an idle session "free"; that word stays in this room.
"""
