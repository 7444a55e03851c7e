"""Tokens, temporary access keys and discovery, as the vendor's IAM v3 has them.

`calls` describes every call, `sign_in` and `discovery` have the shapes, `errors` the table from error class to status
and code.
"""
