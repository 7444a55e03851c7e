-- since: 15
/* vacate:probe */
SELECT (SELECT system_identifier::text FROM pg_control_system()) AS system_identifier,
       pg_is_in_recovery() AS in_recovery,
       namesend(current_user) AS login,
       pg_has_role('pg_read_all_stats', 'USAGE') AS sees_all_sessions,
       pg_has_role('pg_signal_backend', 'USAGE') AS may_signal;
