-- since: 15
/* vacate:texts */
-- In which encoding our own database keeps its texts, and of how many bytes of a statement the list of sessions has
-- room for. `encodings` has the name of each encoding at the place of its number.
SELECT current_setting('server_encoding') AS encoding,
       array_to_string(ARRAY(SELECT pg_encoding_to_char(number)::text
                               FROM generate_series(0, 99) number
                              ORDER BY number), ',') AS encodings,
       pg_size_bytes(current_setting('track_activity_query_size'))::int AS statement_limit;
