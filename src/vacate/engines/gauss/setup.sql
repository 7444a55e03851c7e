-- since: 0
/* vacate:setup */
-- A statement of ours that hangs is worth less than its slot. The server ends every session that is idle for ten
-- minutes unless that session says otherwise, and this one is kept for the moment when no slot is left. $1 is our own
-- patience in milliseconds, so that what we gave up ends there too.
SELECT set_config('statement_timeout', $1, false),
       set_config('session_timeout', '0', false);
