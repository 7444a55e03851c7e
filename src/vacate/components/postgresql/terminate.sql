-- since: 15
/* vacate:terminate */
-- The only statement that signals. It reads every victim a second time and signals only the one that is still the
-- same session and meets the demand: to be in the same idle period, or in the same idle period inside its transaction,
-- and to wait for its client at this very moment; to be in the same transaction; or nothing more. A demand that is not
-- known here is met by nobody.
--
-- The server copies its list of sessions once and answers from the copy, so the copy is thrown away before every
-- $4-th victim. What a session waits for is not in the copy: the server looks that up for each row as it comes, so
-- `ClientRead` is the truth of the microsecond before the signal. There must be no ORDER BY and no join that could
-- move the signal away from that look.
--
-- $1 pids, $2 the backend_start of each, $3 since when its idle period or its transaction lasts, $4 victims per copy,
-- $5 whether sessions without a client address and $6 whether other backends than client backends may be signalled,
-- $7 the demand.
SELECT w.pid AS session_id,
       w.backend_start,
       a.state,
       CASE
         WHEN a.pid IS NULL OR a.backend_start IS DISTINCT FROM w.backend_start THEN 'gone'
         WHEN a.pid = pg_backend_pid() THEN 'protected'
         WHEN a.backend_type IS DISTINCT FROM 'client backend' AND NOT $6::boolean THEN 'protected'
         WHEN a.client_addr IS NULL AND NOT $5::boolean THEN 'protected'
         WHEN (CASE $7::text
                 WHEN 'same_idle_period' THEN a.state = 'idle' AND a.state_change = w.since
                 WHEN 'same_idle_transaction'
                   THEN a.state IN ('idle in transaction', 'idle in transaction (aborted)') AND a.state_change = w.since
                 WHEN 'same_transaction' THEN a.xact_start = w.since
                 WHEN 'same_session' THEN true
               END) IS NOT TRUE THEN 'woke'
         WHEN current_setting('is_superuser') = 'off'
              AND (a.usesysid IS NULL OR a.usesysid = ANY (ARRAY(SELECT oid FROM pg_roles WHERE rolsuper)))
           THEN 'forbidden'
         WHEN $7 IN ('same_idle_period', 'same_idle_transaction') AND a.wait_event IS DISTINCT FROM 'ClientRead'
           THEN 'woke'
         WHEN pg_terminate_backend(a.pid) THEN 'signalled'
         ELSE 'gone'
       END AS signal
  FROM unnest($1::int[], $2::timestamptz[], $3::timestamptz[])
       WITH ORDINALITY AS w(pid, backend_start, since, place)
  LEFT JOIN LATERAL pg_stat_get_activity(
         CASE
           WHEN (w.place - 1) % $4::bigint <> 0 THEN w.pid
           WHEN pg_stat_clear_snapshot() IS NULL THEN w.pid
           ELSE w.pid
         END) a ON true;
