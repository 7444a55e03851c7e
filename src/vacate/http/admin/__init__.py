"""Our own door: plans, explanations, the audit and the freeze switch, as JSON below `/admin/v1`.

`routes` names every call. A call's shapes stand beside its `Operation` and its handler, in the module of its family.
Whatever a body or a query has that the call does not know is refused here, and named.
"""
