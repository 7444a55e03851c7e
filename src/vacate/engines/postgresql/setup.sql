-- since: 15
/* vacate:setup */
-- A statement of ours that hangs is worth less than its slot; and the server must not end the very link that is kept
-- for the moment when no slot is left. $1 is our own patience in milliseconds, so that what we gave up ends there too.
-- Compiling a plan costs more than any plan of ours.
SELECT set_config('statement_timeout', $1, false),
       set_config('lock_timeout', '2000', false),
       set_config('idle_session_timeout', '0', false),
       set_config('jit', 'off', false);
