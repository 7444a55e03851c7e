-- since: 15
/* vacate:look */
-- Every session and every other backend, as the server lists them now. What Vacate's role may not see is NULL, and so
-- is the name of a role or database that was dropped meanwhile. A replication slot that belongs to a session is released
-- when the session ends, and dropped if it is a temporary one; the list of slots is short and read once.
-- `has_rights` and `in_recovery` prove with every list that the server and our role there are still what they were when
-- they were checked; both are worked out once.
-- Texts are handed over as bytes, in the encoding of whatever database they come from; see components/decoding.py.
SELECT a.pid AS session_id,
       a.pid,
       a.backend_start,
       textsend(a.backend_type) AS backend_type,
       a.state,
       a.state_change,
       CASE WHEN a.state_change IS NOT NULL THEN greatest(clock_timestamp() - a.state_change, interval '0') END AS in_state_for,
       a.xact_start AS transaction_start,
       namesend(r.rolname) AS "user",
       r.rolsuper AS superuser,
       namesend(d.datname) AS database,
       textsend(a.application_name) AS application,
       host(a.client_addr) AS client_address,
       a.client_port,
       textsend(a.query) AS query,
       a.pid = ANY (ARRAY(SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND pid IS NOT NULL)) AS holds_advisory_lock,
       a.pid = ANY (ARRAY(SELECT active_pid FROM pg_replication_slots WHERE active_pid IS NOT NULL)) AS holds_replication_slot,
       a.usesysid IS NOT NULL AND r.oid IS NULL AS user_dropped,
       a.datid IS NOT NULL AND d.oid IS NULL AS database_dropped,
       coalesce(a.usesysid = (SELECT oid FROM pg_roles WHERE rolname = session_user), false) AS of_own_user,
       a.pid = pg_backend_pid() AS own,
       d.encoding,
       (SELECT pg_has_role('pg_read_all_stats', 'USAGE') AND pg_has_role('pg_signal_backend', 'USAGE')) AS has_rights,
       (SELECT pg_is_in_recovery()) AS in_recovery
  FROM pg_stat_get_activity(NULL) a
  LEFT JOIN pg_roles r ON r.oid = a.usesysid
  LEFT JOIN pg_database d ON d.oid = a.datid;
