-- since: 15
/* vacate:look */
-- Every session and every other backend, as the server lists them now. What Vacate's role may not see is NULL.
SELECT a.pid AS session_id,
       a.pid,
       a.backend_start,
       a.backend_type,
       a.state,
       a.state_change,
       CASE WHEN a.state_change IS NOT NULL THEN greatest(clock_timestamp() - a.state_change, interval '0') END AS in_state_for,
       a.xact_start AS transaction_start,
       r.rolname::text AS "user",
       r.rolsuper AS superuser,
       d.datname::text AS database,
       a.application_name AS application,
       host(a.client_addr) AS client_address,
       a.client_port,
       a.query,
       a.pid = ANY (ARRAY(SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND pid IS NOT NULL)) AS holds_advisory_lock,
       a.pid = pg_backend_pid() AS own
  FROM pg_stat_get_activity(NULL) a
  LEFT JOIN pg_roles r ON r.oid = a.usesysid
  LEFT JOIN pg_database d ON d.oid = a.datid;
