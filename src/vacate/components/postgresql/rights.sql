-- since: 15
/* vacate:rights */
-- The functions and lists of the server that our role was forbidden to use. Everybody may use them unless somebody took
-- that away, which counts in one database. Nothing is read here, so that it can always be asked.
SELECT current_user::text AS login,
       current_database()::text AS database,
       ARRAY(SELECT f
               FROM unnest(ARRAY['pg_control_system()', 'pg_is_in_recovery()', 'pg_stat_get_activity(integer)',
                                 'pg_stat_clear_snapshot()', 'pg_lock_status()', 'pg_blocking_pids(integer)',
                                 'pg_terminate_backend(integer, bigint)', 'pg_get_replication_slots()']) f
              WHERE NOT has_function_privilege(f, 'EXECUTE')) AS functions,
       ARRAY(SELECT t
               FROM unnest(ARRAY['pg_roles', 'pg_database', 'pg_locks', 'pg_auth_members', 'pg_replication_slots']) t
              WHERE NOT has_table_privilege(t, 'SELECT')) AS relations;
