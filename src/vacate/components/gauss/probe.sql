-- with:
/* vacate:probe */
-- A data warehouse has no role that only monitors.
SELECT pg_is_in_recovery() AS in_recovery,
       CAST(current_setting('max_connections') AS int) AS maximum,
       0 AS reserved,
       namesend(current_user) AS login,
       r.rolsystemadmin AS system_admin,
       false AS monitor_admin,
       current_setting('enableSeparationOfDuty') = 'on' AS duties_separated
  FROM pg_roles r
 WHERE r.rolname = current_user;

-- with: rolmonitoradmin
/* vacate:probe */
SELECT pg_is_in_recovery() AS in_recovery,
       CAST(current_setting('max_connections') AS int) AS maximum,
       0 AS reserved,
       namesend(current_user) AS login,
       r.rolsystemadmin AS system_admin,
       r.rolmonitoradmin AS monitor_admin,
       current_setting('enableSeparationOfDuty') = 'on' AS duties_separated
  FROM pg_roles r
 WHERE r.rolname = current_user;
