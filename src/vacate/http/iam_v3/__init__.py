"""The sign-in door: tokens by password, as the vendor's IAM v3 hands them out."""
