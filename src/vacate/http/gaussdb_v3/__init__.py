"""The compatible door: the GaussDB v3 session calls as the vendor documents them.

Start at `routes`, which pairs every call of `api.gaussdb_v3` with the function that answers it. A family of calls is a
module: `sessions`, `statistics`, `memory`, `transactions`, `topology`, `instances`, `versions`. `reading` is how a
request is read, `served` what stands behind the door. The vendor calls an idle session "free"; that word stays in this
room and in that of the descriptions.
"""
