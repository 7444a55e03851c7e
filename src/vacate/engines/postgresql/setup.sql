-- since: 15
/* vacate:setup */
-- A statement of ours that hangs is worth less than its slot; and the server must not end the very link that is kept
-- for the moment when no slot is left. Compiling a plan costs more than any plan of ours.
SELECT set_config('statement_timeout', '10000', false),
       set_config('lock_timeout', '2000', false),
       set_config('idle_session_timeout', '0', false),
       set_config('jit', 'off', false);
