"""Our own calls below `/admin/v1`: plans, explanations, the audit and the freeze switch.

A family of calls is a module. `fields` has what their shapes share, `errors` the table from error class to status and
code.
"""
