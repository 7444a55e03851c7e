"""The sign-in door: tokens, temporary access keys and discovery, as the vendor's IAM v3 has them.

`calls` describes every call, `sign_in` and `discovery` have the shapes on the wire, `catalog` the addresses that are
told, `routes` what answers, and `errors` the one table from error class to status and code.
"""
