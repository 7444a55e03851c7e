"""What goes over the wire: the shape and the description of every call, free of any web framework.

A call is an `Operation` (`operation`): method, path, shapes of query, body and answer, errors, examples. The routers of
`http` and the client take it from here, so that what is served, described and called cannot differ. Rows that show
values of the domain are made here, too. `errors` has the envelope of a refusal and the tables' rows, `language` the
header that chooses their language.
"""
