-- with: lwtid
/* vacate:look */
-- A data warehouse has a thread for every session, and the session has no other id than the thread's.
SELECT a.pid AS session_id,
       a.pid,
       a.backend_start,
       textsend(CASE WHEN a.client_port IS NULL THEN 'internal thread' ELSE 'client backend' END) AS backend_type,
       a.state,
       a.state_change,
       CASE WHEN a.state_change IS NOT NULL
            THEN greatest(clock_timestamp() - a.state_change, interval '0') END AS in_state_for,
       a.xact_start AS transaction_start,
       namesend(a.usename) AS "user",
       a.usesysid = 10 OR coalesce(r.rolsystemadmin, false)
           OR has_table_privilege(a.usesysid, 'pg_authid', 'select') AS superuser,
       namesend(a.datname) AS database,
       textsend(a.application_name) AS application,
       host(a.client_addr) AS client_address,
       a.client_port,
       textsend(CASE WHEN a.state = 'idle' AND a.query_start IS NULL THEN coalesce(a.query, '') ELSE a.query END) AS query,
       a.pid IN (SELECT l.pid
                   FROM pg_locks l
                  WHERE l.locktype = 'advisory' AND l.pid IS NOT NULL) AS holds_advisory_lock,
       false AS holds_replication_slot,
       coalesce(a.usename = session_user, false) AS of_own_user,
       a.pid = pg_backend_pid() AS own,
       d.encoding,
       v.sees_all
  FROM (SELECT bool_or(rolsystemadmin) OR pg_has_role(CAST('gs_role_read_all_stats' AS name), 'USAGE') AS sees_all
          FROM pg_roles
         WHERE rolname = current_user) v
  JOIN pg_stat_activity a ON true
  LEFT JOIN pg_roles r ON r.oid = a.usesysid
  LEFT JOIN pg_database d ON d.oid = a.datid;

-- with: sessionid, rolmonitoradmin
/* vacate:look */
-- Every session, as the server lists them now. In a thread pool an idle session has no thread, and its pid is 0; its
-- id names it. `sees_all` tells whether our role is shown more than its own sessions: it is read together with them,
-- since what is not shown leaves no gap. No session of a client owns a replication slot: there are no temporary ones,
-- and functions release what they make. The list leaves out sessions whose user was dropped.
--
-- A statement that runs in parallel is listed once more for each of its threads, without a client, under the id of its
-- session or under 0. Those are not sessions: an internal thread has its own id, which is its pid.
--
-- In a thread pool a session that never ran a statement has no state. It is as idle as one can be, since it began.
--
-- The catalogue of roles shows a role that only monitors nobody but itself. Who may read what lies beneath is the
-- initial user, with the id 10, or has SYSADMIN.
SELECT a.sessionid AS session_id,
       a.pid,
       a.backend_start,
       textsend(CASE WHEN a.client_port IS NULL THEN 'internal thread' ELSE 'client backend' END) AS backend_type,
       CASE WHEN a.never_used THEN 'idle' ELSE a.state END AS state,
       CASE WHEN a.never_used THEN a.backend_start ELSE a.state_change END AS state_change,
       CASE WHEN a.never_used OR a.state_change IS NOT NULL
            THEN greatest(clock_timestamp() - coalesce(a.state_change, a.backend_start), interval '0')
            END AS in_state_for,
       a.xact_start AS transaction_start,
       namesend(a.usename) AS "user",
       a.usesysid = 10 OR has_table_privilege(a.usesysid, 'pg_authid', 'select') AS superuser,
       namesend(a.datname) AS database,
       textsend(a.application_name) AS application,
       host(a.client_addr) AS client_address,
       a.client_port,
       textsend(CASE WHEN a.never_used OR a.state = 'idle' AND a.query_start IS NULL
                     THEN coalesce(a.query, '') ELSE a.query END) AS query,
       a.sessionid IN (SELECT l.sessionid
                         FROM pg_locks l
                        WHERE l.locktype = 'advisory' AND l.sessionid IS NOT NULL) AS holds_advisory_lock,
       false AS holds_replication_slot,
       coalesce(a.usename = session_user, false) AS of_own_user,
       a.pid = pg_backend_pid() AS own,
       d.encoding,
       v.sees_all
  FROM (SELECT bool_or(rolsystemadmin OR rolmonitoradmin) AS sees_all FROM pg_roles WHERE rolname = current_user) v
  JOIN (SELECT s.*,
               s.pid = 0 AND s.state IS NULL AND s.state_change IS NULL AND s.query_start IS NULL
                   AND s.xact_start IS NULL AND s.client_port IS NOT NULL AS never_used
          FROM pg_stat_activity s
         WHERE s.client_port IS NOT NULL OR s.pid = s.sessionid) a ON true
  LEFT JOIN pg_database d ON d.oid = a.datid;
