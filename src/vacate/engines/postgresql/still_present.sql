-- since: 15
/* vacate:still_present */
-- Which of these sessions are still listed. $1 pids, $2 the backend_start of each.
SELECT w.pid, w.backend_start
  FROM unnest($1::int[], $2::timestamptz[]) AS w(pid, backend_start)
  JOIN pg_stat_get_activity(NULL) a ON a.pid = w.pid AND a.backend_start = w.backend_start;
