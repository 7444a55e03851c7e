-- since: 0
/* vacate:identity */
-- Which server it is, for life. Not every server of the family has this function.
SELECT CAST(system_identifier AS text) AS system_identifier
  FROM pg_control_system();
