-- with: lwtid
/* vacate:last_statements */
-- As the next one, for a data warehouse.
SELECT a.pid AS session_id,
       a.backend_start,
       CASE WHEN a.query ~* 'discard|declare|close|(start|stop)_backup|backup_st' THEN textsend(a.query) END AS query,
       a.pid = pg_backend_pid() AS own,
       v.sees_all
  FROM (SELECT bool_or(rolsystemadmin) OR pg_has_role(CAST('gs_role_read_all_stats' AS name), 'USAGE') AS sees_all
          FROM pg_roles
         WHERE rolname = current_user) v
  JOIN pg_stat_activity a ON true;

-- with: sessionid, rolmonitoradmin
/* vacate:last_statements */
-- Which sessions there are, with the last statement of each that may tell what it holds beyond the statement: a cursor,
-- a backup. The bytes are handed over as they are stored. The threads of a parallel statement are no sessions.
SELECT a.sessionid AS session_id,
       a.backend_start,
       CASE WHEN a.query ~* 'discard|declare|close|(start|stop)_backup|backup_st' THEN textsend(a.query) END AS query,
       a.pid = pg_backend_pid() AS own,
       v.sees_all
  FROM (SELECT bool_or(rolsystemadmin OR rolmonitoradmin) AS sees_all FROM pg_roles WHERE rolname = current_user) v
  JOIN pg_stat_activity a ON a.client_port IS NOT NULL OR a.pid = a.sessionid;
