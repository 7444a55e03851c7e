-- since: 0
/* vacate:databases */
-- The databases that clients may use, by name.
SELECT textsend(CAST(datname AS text)) AS name
  FROM pg_database
 WHERE datallowconn AND NOT datistemplate
 ORDER BY datname;
