-- since: 0
/* vacate:texts */
-- In which encoding our own database keeps its texts, and of how many bytes of a statement the list of sessions has
-- room for. `encodings` has the name of each encoding at the place of its number.
SELECT current_setting('server_encoding') AS encoding,
       array_to_string(ARRAY(SELECT CAST(pg_encoding_to_char(number) AS text)
                               FROM generate_series(0, 99) number
                              ORDER BY number), ',') AS encodings,
       coalesce((SELECT CAST(s.setting AS int)
                   FROM pg_settings s
                  WHERE s.name = 'track_activity_query_size'), 1024) AS statement_limit;
