"""Our own door: plans, explanations, the audit and the freeze switch, as JSON below `/admin/v1`.

`routes` pairs every call of `api.admin` with its handler, which is in the module of its family. Whatever a body or a
query has that the call does not know is refused here, and named.
"""
