-- with: lwtid
/* vacate:still_present */
SELECT a.pid AS session_id,
       a.backend_start,
       a.pid = pg_backend_pid() AS own,
       v.sees_all
  FROM (SELECT bool_or(rolsystemadmin) OR pg_has_role(CAST('gs_role_read_all_stats' AS name), 'USAGE') AS sees_all
          FROM pg_roles
         WHERE rolname = current_user) v
  JOIN pg_stat_activity a ON true
 WHERE a.pid = ANY (CAST(CAST($1 AS text) AS bigint[])) OR a.pid = pg_backend_pid();

-- with: sessionid, rolmonitoradmin
/* vacate:still_present */
-- Which of the sessions are still listed, and our own, by which a list that shows all is told from one that does not.
-- One that hides when it began counts as listed. The threads of a parallel statement have its session's id, and are
-- not that session. $1 is the text of an array of ids: about arrays of numbers a driver first has to ask the server.
SELECT a.sessionid AS session_id,
       a.backend_start,
       a.pid = pg_backend_pid() AS own,
       v.sees_all
  FROM (SELECT bool_or(rolsystemadmin OR rolmonitoradmin) AS sees_all FROM pg_roles WHERE rolname = current_user) v
  JOIN pg_stat_activity a ON true
 WHERE (a.client_port IS NOT NULL OR a.pid = a.sessionid)
   AND (a.sessionid = ANY (CAST(CAST($1 AS text) AS bigint[])) OR a.pid = pg_backend_pid());
