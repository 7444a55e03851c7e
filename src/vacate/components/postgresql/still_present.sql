-- since: 15
/* vacate:still_present */
-- Which of these sessions are still listed. $1 pids, $2 the backend_start of each. One that hides since when it is
-- there counts as listed: rights may be taken away at any time, and what is not seen is not known to be gone.
SELECT w.pid AS session_id, w.backend_start
  FROM unnest($1::int[], $2::timestamptz[]) AS w(pid, backend_start)
  JOIN pg_stat_get_activity(NULL) a ON a.pid = w.pid AND coalesce(a.backend_start = w.backend_start, true);
