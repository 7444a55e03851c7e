-- since: 15
/* vacate:texts */
-- In which encoding our own database keeps its texts, and of how many bytes of a statement the list of sessions has
-- room for.
SELECT current_setting('server_encoding') AS encoding,
       pg_size_bytes(current_setting('track_activity_query_size'))::int AS statement_limit;
