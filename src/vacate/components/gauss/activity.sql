-- with: lwtid
/* vacate:activity */
-- A data warehouse tells whether a session waits for a lock, and not for whose.
SELECT a.pid AS session_id,
       a.pid,
       a.backend_start,
       greatest(clock_timestamp() - a.backend_start, interval '0') AS open_for,
       namesend(a.usename) AS "user",
       namesend(a.datname) AS database,
       textsend(a.application_name) AS application,
       host(a.client_addr) AS client_address,
       a.client_port,
       a.state,
       a.state_change,
       a.xact_start AS transaction_start,
       CASE WHEN a.xact_start IS NOT NULL
            THEN greatest(clock_timestamp() - a.xact_start, interval '0') END AS in_transaction_for,
       CAST(NULL AS text) AS transaction_id,
       a.query_start AS statement_start,
       CASE WHEN a.state IN ('active', 'fastpath function call') AND a.query_start IS NOT NULL
            THEN greatest(clock_timestamp() - a.query_start, interval '0') END AS running_for,
       CAST(NULL AS bigint) AS statement_id,
       textsend(CASE WHEN a.state = 'idle' AND a.query_start IS NULL THEN coalesce(a.query, '') ELSE a.query END) AS query,
       textsend(CASE WHEN a.waiting THEN 'Lock' END) AS wait_event_type,
       CAST(NULL AS bytea) AS wait_event,
       CAST(NULL AS bigint[]) AS blocked_by,
       CAST(NULL AS text) AS lock_mode,
       CAST(NULL AS text) AS lock_tag,
       d.encoding,
       a.pid = pg_backend_pid() AS own,
       v.sees_all
  FROM (SELECT bool_or(rolsystemadmin) OR pg_has_role(CAST('gs_role_read_all_stats' AS name), 'USAGE') AS sees_all
          FROM pg_roles
         WHERE rolname = current_user) v
  JOIN pg_stat_activity a ON true
  LEFT JOIN pg_database d ON d.oid = a.datid
 WHERE a.client_port IS NOT NULL;

-- with: sessionid, rolmonitoradmin
/* vacate:activity */
-- As the next one; servers of before openGauss 3.0 do not number statements.
SELECT a.sessionid AS session_id,
       a.pid,
       a.backend_start,
       greatest(clock_timestamp() - a.backend_start, interval '0') AS open_for,
       namesend(a.usename) AS "user",
       namesend(a.datname) AS database,
       textsend(a.application_name) AS application,
       host(a.client_addr) AS client_address,
       a.client_port,
       CASE WHEN a.never_used THEN 'idle' ELSE a.state END AS state,
       CASE WHEN a.never_used THEN a.backend_start ELSE a.state_change END AS state_change,
       a.xact_start AS transaction_start,
       CASE WHEN a.xact_start IS NOT NULL
            THEN greatest(clock_timestamp() - a.xact_start, interval '0') END AS in_transaction_for,
       CAST(NULL AS text) AS transaction_id,
       a.query_start AS statement_start,
       CASE WHEN a.state IN ('active', 'fastpath function call') AND a.query_start IS NOT NULL
            THEN greatest(clock_timestamp() - a.query_start, interval '0') END AS running_for,
       CAST(NULL AS bigint) AS statement_id,
       textsend(CASE WHEN a.never_used OR a.state = 'idle' AND a.query_start IS NULL
                     THEN coalesce(a.query, '') ELSE a.query END) AS query,
       textsend(CASE WHEN a.waiting THEN 'Lock' ELSE nullif(w.wait_status, 'none') END) AS wait_event_type,
       textsend(nullif(w.wait_event, 'none')) AS wait_event,
       CASE WHEN a.waiting AND w.block_sessionid IS NOT NULL THEN ARRAY[w.block_sessionid] END AS blocked_by,
       CASE WHEN a.waiting THEN w.lockmode END AS lock_mode,
       CASE WHEN a.waiting THEN w.locktag END AS lock_tag,
       d.encoding,
       a.pid = pg_backend_pid() AS own,
       v.sees_all
  FROM (SELECT bool_or(rolsystemadmin OR rolmonitoradmin) AS sees_all FROM pg_roles WHERE rolname = current_user) v
  JOIN (SELECT s.*,
               s.pid = 0 AND s.state IS NULL AND s.state_change IS NULL AND s.query_start IS NULL
                   AND s.xact_start IS NULL AS never_used
          FROM pg_stat_activity s
         WHERE s.client_port IS NOT NULL) a ON true
  LEFT JOIN pg_thread_wait_status w ON w.sessionid = a.sessionid AND w.tlevel = 0 AND w.smpid = 0
  LEFT JOIN pg_database d ON d.oid = a.datid;

-- with: sessionid, rolmonitoradmin, unique_sql_id
/* vacate:activity */
-- Every client's session with what it does and whom it waits for, and our own, by which a list that shows all is told
-- from one that does not. What there is not is NULL. One statement may run on several threads; the first of them
-- tells what the session waits for.
SELECT a.sessionid AS session_id,
       a.pid,
       a.backend_start,
       greatest(clock_timestamp() - a.backend_start, interval '0') AS open_for,
       namesend(a.usename) AS "user",
       namesend(a.datname) AS database,
       textsend(a.application_name) AS application,
       host(a.client_addr) AS client_address,
       a.client_port,
       CASE WHEN a.never_used THEN 'idle' ELSE a.state END AS state,
       CASE WHEN a.never_used THEN a.backend_start ELSE a.state_change END AS state_change,
       a.xact_start AS transaction_start,
       CASE WHEN a.xact_start IS NOT NULL
            THEN greatest(clock_timestamp() - a.xact_start, interval '0') END AS in_transaction_for,
       CAST(NULL AS text) AS transaction_id,
       a.query_start AS statement_start,
       CASE WHEN a.state IN ('active', 'fastpath function call') AND a.query_start IS NOT NULL
            THEN greatest(clock_timestamp() - a.query_start, interval '0') END AS running_for,
       nullif(a.unique_sql_id, 0) AS statement_id,
       textsend(CASE WHEN a.never_used OR a.state = 'idle' AND a.query_start IS NULL
                     THEN coalesce(a.query, '') ELSE a.query END) AS query,
       textsend(CASE WHEN a.waiting THEN 'Lock' ELSE nullif(w.wait_status, 'none') END) AS wait_event_type,
       textsend(nullif(w.wait_event, 'none')) AS wait_event,
       CASE WHEN a.waiting AND w.block_sessionid IS NOT NULL THEN ARRAY[w.block_sessionid] END AS blocked_by,
       CASE WHEN a.waiting THEN w.lockmode END AS lock_mode,
       CASE WHEN a.waiting THEN w.locktag END AS lock_tag,
       d.encoding,
       a.pid = pg_backend_pid() AS own,
       v.sees_all
  FROM (SELECT bool_or(rolsystemadmin OR rolmonitoradmin) AS sees_all FROM pg_roles WHERE rolname = current_user) v
  JOIN (SELECT s.*,
               s.pid = 0 AND s.state IS NULL AND s.state_change IS NULL AND s.query_start IS NULL
                   AND s.xact_start IS NULL AS never_used
          FROM pg_stat_activity s
         WHERE s.client_port IS NOT NULL) a ON true
  LEFT JOIN pg_thread_wait_status w ON w.sessionid = a.sessionid AND w.tlevel = 0 AND w.smpid = 0
  LEFT JOIN pg_database d ON d.oid = a.datid;
