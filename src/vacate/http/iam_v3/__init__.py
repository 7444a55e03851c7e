"""The sign-in door: tokens, temporary access keys and discovery, as the vendor's IAM v3 has them.

`routes` answers every call of `api.iam_v3`, and `catalog` knows the addresses that are told.
"""
