"""The GaussDB v3 session calls as the vendor documents them.

A family of calls is a module: `sessions`, `statistics`, `memory`, `transactions`, `topology`, `instances`, `versions`.
`fields` has what their shapes share, `errors` the one table from error class to status and code. The vendor calls an
idle session "free"; that word stays here and in the router of the same name.
"""
