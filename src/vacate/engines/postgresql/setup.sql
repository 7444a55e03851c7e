-- since: 15
/* vacate:setup */
-- Sets our own session's settings, $1 by name and $2 by value, as the login asked for them: a trigger at the login may
-- have changed them since. Beside that it says which backend answers, and how long it has been there; what hides its
-- beginning has NULL. A setting that the server does not know is left out.
SELECT count(set_config(s.name, s.value, false)) AS settings,
       pg_backend_pid() AS pid,
       (SELECT extract(epoch FROM clock_timestamp() - a.backend_start)::float8
          FROM pg_stat_get_activity(pg_backend_pid()) a) AS age_s
  FROM unnest($1::text[], $2::text[]) AS s(name, value)
 WHERE current_setting(s.name, true) IS NOT NULL;
