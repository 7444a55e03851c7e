"""The Gauss family, openGauss, GaussDB and DWS: its statements, and the link that says them.

The family descends from PostgreSQL 9.2, so its statements do without what came later: no LATERAL, no FILTER, no
`unnest` of several arrays. Names of views and functions stand without a schema.
"""
