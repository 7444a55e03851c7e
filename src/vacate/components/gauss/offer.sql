-- since: 0
/* vacate:offer */
-- Which of the columns and functions there are that not every server of the family has. Each is named as the heads of
-- the other statements name it.
SELECT CAST(a.attname AS text) AS offered
  FROM pg_attribute a
 WHERE a.attrelid = CAST('pg_stat_activity' AS regclass)
   AND a.attname IN ('sessionid', 'lwtid', 'unique_sql_id')
UNION ALL
SELECT DISTINCT CAST(p.proname AS text) || '()'
  FROM pg_proc p
 WHERE p.proname IN ('pg_terminate_session')
UNION ALL
SELECT DISTINCT CAST(p.proname AS text) || '()'
  FROM pg_proc p
 WHERE p.proname = 'pg_stat_get_activity'
   AND p.proargnames @> ARRAY['pid', 'sessionid', 'usesysid', 'application_name', 'state', 'xact_start',
                              'query_start', 'backend_start', 'state_change', 'client_addr', 'client_port']
UNION ALL
SELECT CAST(a.attname AS text)
  FROM pg_attribute a
 WHERE a.attrelid = CAST('pg_authid' AS regclass)
   AND a.attname IN ('rolmonitoradmin');
