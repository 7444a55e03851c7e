-- since: 15
/* vacate:slots */
SELECT current_setting('max_connections')::int AS maximum,
       current_setting('superuser_reserved_connections')::int AS reserved,
       (SELECT count(*)::int FROM pg_stat_get_activity(NULL) WHERE backend_type = 'client backend') AS used;

-- since: 16
/* vacate:slots */
-- What the server has room for. Of every backend only those of clients take a slot.
SELECT current_setting('max_connections')::int AS maximum,
       current_setting('superuser_reserved_connections')::int
           + current_setting('reserved_connections')::int AS reserved,
       (SELECT count(*)::int FROM pg_stat_get_activity(NULL) WHERE backend_type = 'client backend') AS used;
