-- since: 0
/* vacate:texts */
-- In which encoding our own database keeps its texts, and of how many bytes of a statement the list of sessions has
-- room for.
SELECT current_setting('server_encoding') AS encoding,
       coalesce((SELECT CAST(s.setting AS int)
                   FROM pg_settings s
                  WHERE s.name = 'track_activity_query_size'), 1024) AS statement_limit;
