-- since: 15
/* vacate:age */
-- How long ago our own session began, in seconds.
SELECT extract(epoch FROM clock_timestamp() - a.backend_start)::float8 AS age_s
  FROM pg_stat_get_activity(pg_backend_pid()) a;
