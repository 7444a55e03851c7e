"""The compatible door: the GaussDB v3 session calls as the vendor documents them.

Start at `routes`, which has every call with its description. A family of calls is a module: `sessions`, `statistics`,
`memory`, `transactions`, `topology`, `instances`, `versions`; each holds the shapes on the wire, the descriptions and
the functions that answer. `reading` is how a request is read, `served` what stands behind the door, `errors` the one
table from error class to status and code. The vendor calls an idle session "free"; that word stays in this room.
"""
