-- since: 15
/* vacate:last_statements */
-- Which clients' sessions there are, with the last statement of each that may tell what it holds beyond the statement:
-- a subscription, a cursor, a backup. It is asked often, so the server picks them out. The bytes are handed over as they
-- are stored, for a statement is in the encoding of its own database.
SELECT a.pid AS session_id,
       a.backend_start,
       CASE WHEN a.query ~* ('listen|discard|declare|close|(start|stop)_backup|backup_st' COLLATE "C")
            THEN textsend(a.query) END AS query
  FROM pg_stat_get_activity(NULL) a
 WHERE a.backend_type = 'client backend';
