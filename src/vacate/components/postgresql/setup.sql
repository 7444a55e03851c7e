-- since: 15
/* vacate:setup */
-- Sets our own session's settings, $1 by name and $2 by value, as the login asked for them: a trigger at the login may
-- have changed them since. Beside that it says which backend answers. A setting that the server does not know is left
-- out.
SELECT count(set_config(s.name, s.value, false)) AS settings,
       pg_backend_pid() AS pid
  FROM unnest($1::text[], $2::text[]) AS s(name, value)
 WHERE current_setting(s.name, true) IS NOT NULL;
