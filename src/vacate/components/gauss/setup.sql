-- since: 0
/* vacate:setup */
-- How our own session behaves, whatever the server, the database or the role would have it do: each of these may be
-- set by every role, and is known to all of the family. The server ends every session that is idle for ten minutes
-- unless that session says otherwise, and this one is kept for the moment when no slot is left. $1 is our own patience
-- in milliseconds, so that what we gave up ends there too.
SELECT set_config('statement_timeout', $1, false),
       set_config('session_timeout', '0', false),
       set_config('default_transaction_isolation', 'read committed', false),
       set_config('default_transaction_read_only', 'off', false),
       set_config('client_min_messages', 'error', false),
       set_config('standard_conforming_strings', 'on', false),
       set_config('DateStyle', 'ISO, MDY', false),
       set_config('IntervalStyle', 'postgres', false),
       set_config('TimeZone', 'UTC', false),
       set_config('bytea_output', 'hex', false);
