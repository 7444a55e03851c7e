-- since: 15
/* vacate:probe */
SELECT (SELECT system_identifier::text FROM pg_control_system()) AS system_identifier,
       pg_is_in_recovery() AS in_recovery,
       current_setting('max_connections')::int AS maximum,
       current_setting('superuser_reserved_connections')::int
           + coalesce(current_setting('reserved_connections', true)::int, 0) AS reserved,
       current_user::text AS login,
       pg_has_role('pg_read_all_stats', 'USAGE') AS sees_all_sessions,
       pg_has_role('pg_signal_backend', 'USAGE') AS may_signal,
       (SELECT rolinherit FROM pg_roles WHERE rolname = current_user) AS inherits,
       ARRAY(SELECT g.rolname::text
               FROM pg_auth_members m
               JOIN pg_roles g ON g.oid = m.roleid
               JOIN pg_roles r ON r.oid = m.member
              WHERE r.rolname = current_user) AS granted;
