-- since: 15
/* vacate:databases */
-- The databases that clients may use, by name.
SELECT namesend(datname) AS name
  FROM pg_database
 WHERE datallowconn AND NOT datistemplate
 ORDER BY datname;
