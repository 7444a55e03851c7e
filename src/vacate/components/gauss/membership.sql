-- since: 0
/* vacate:membership */
-- Whether our role has the rights of the role $1. A server without that role answers with an error.
SELECT pg_has_role(CAST($1 AS name), 'USAGE') AS member;
