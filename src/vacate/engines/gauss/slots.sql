-- with: lwtid
/* vacate:slots */
SELECT CAST(current_setting('max_connections') AS int) AS maximum,
       0 AS reserved,
       CAST(count(*) AS int) AS used,
       bool_or(a.pid = pg_backend_pid()) AS own,
       bool_and(v.sees_all) AS sees_all
  FROM (SELECT bool_or(rolsystemadmin) OR pg_has_role(CAST('gs_role_read_all_stats' AS name), 'USAGE') AS sees_all
          FROM pg_roles
         WHERE rolname = current_user) v
  JOIN pg_stat_activity a ON true
 WHERE a.client_port IS NOT NULL;

-- with: sessionid, rolmonitoradmin
/* vacate:slots */
-- What the server has room for. What it keeps for administrators comes on top of the maximum, so nothing of that is
-- reserved. Internal threads take no slot of clients.
SELECT CAST(current_setting('max_connections') AS int) AS maximum,
       0 AS reserved,
       CAST(count(*) AS int) AS used,
       bool_or(a.pid = pg_backend_pid()) AS own,
       bool_and(v.sees_all) AS sees_all
  FROM (SELECT bool_or(rolsystemadmin OR rolmonitoradmin) AS sees_all FROM pg_roles WHERE rolname = current_user) v
  JOIN pg_stat_activity a ON true
 WHERE a.client_port IS NOT NULL;
