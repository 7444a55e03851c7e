-- with: lwtid
/* vacate:look */
-- A data warehouse has a thread for every session, and the session has no other id than the thread's.
SELECT a.pid AS session_id,
       a.pid,
       a.backend_start,
       CASE WHEN a.client_port IS NULL THEN 'internal thread' ELSE 'client backend' END AS backend_type,
       a.state,
       a.state_change,
       CASE WHEN a.state_change IS NOT NULL
            THEN greatest(clock_timestamp() - a.state_change, interval '0') END AS in_state_for,
       a.xact_start AS transaction_start,
       CAST(a.usename AS text) AS "user",
       a.usesysid = 10 OR coalesce(r.rolsystemadmin, false) AS superuser,
       CAST(a.datname AS text) AS database,
       a.application_name AS application,
       host(a.client_addr) AS client_address,
       a.client_port,
       a.query,
       a.pid IN (SELECT l.pid
                   FROM pg_locks l
                  WHERE l.locktype = 'advisory' AND l.pid IS NOT NULL) AS holds_advisory_lock,
       false AS holds_replication_slot,
       coalesce(a.usename = session_user, false) AS of_own_user,
       a.pid = pg_backend_pid() AS own,
       v.sees_all
  FROM (SELECT bool_or(rolsystemadmin) OR pg_has_role(CAST('gs_role_read_all_stats' AS name), 'USAGE') AS sees_all
          FROM pg_roles
         WHERE rolname = current_user) v
  JOIN pg_stat_activity a ON true
  LEFT JOIN pg_roles r ON r.oid = a.usesysid;

-- with: sessionid, rolmonitoradmin
/* vacate:look */
-- Every session, as the server lists them now. In a thread pool an idle session has no thread, and its pid is 0; its
-- id names it. `sees_all` tells whether our role is shown more than its own sessions: it is read together with them,
-- since what is not shown leaves no gap. The user with the id 10 made the cluster. Roles with SYSADMIN are known only
-- if our role may see others. No session of a client owns a replication slot: there are no temporary ones, and functions
-- release what they make. The list leaves out sessions whose user was dropped.
SELECT a.sessionid AS session_id,
       a.pid,
       a.backend_start,
       CASE WHEN a.client_port IS NULL THEN 'internal thread' ELSE 'client backend' END AS backend_type,
       a.state,
       a.state_change,
       CASE WHEN a.state_change IS NOT NULL
            THEN greatest(clock_timestamp() - a.state_change, interval '0') END AS in_state_for,
       a.xact_start AS transaction_start,
       CAST(a.usename AS text) AS "user",
       a.usesysid = 10 OR coalesce(r.rolsystemadmin, false) AS superuser,
       CAST(a.datname AS text) AS database,
       a.application_name AS application,
       host(a.client_addr) AS client_address,
       a.client_port,
       a.query,
       a.sessionid IN (SELECT l.sessionid
                         FROM pg_locks l
                        WHERE l.locktype = 'advisory' AND l.sessionid IS NOT NULL) AS holds_advisory_lock,
       false AS holds_replication_slot,
       coalesce(a.usename = session_user, false) AS of_own_user,
       a.pid = pg_backend_pid() AS own,
       v.sees_all
  FROM (SELECT bool_or(rolsystemadmin OR rolmonitoradmin) AS sees_all FROM pg_roles WHERE rolname = current_user) v
  JOIN pg_stat_activity a ON true
  LEFT JOIN pg_roles r ON r.oid = a.usesysid;
