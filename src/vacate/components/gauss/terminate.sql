-- with: lwtid
/* vacate:terminate */
-- A data warehouse has a thread for every session, so the thread is the session as long as both began together.
SELECT CAST($1 AS bigint) AS session_id,
       CAST($2 AS timestamptz) AS backend_start,
       a.state,
       CASE
         WHEN v.sees_all IS NOT TRUE OR CAST($7 AS boolean) IS NULL THEN 'forbidden'
         WHEN a.pid IS NULL OR a.backend_start IS DISTINCT FROM CAST($2 AS timestamptz) THEN 'gone'
         WHEN a.pid = pg_backend_pid() THEN 'protected'
         WHEN a.client_port IS NULL AND NOT CAST($5 AS boolean) THEN 'protected'
         WHEN a.client_addr IS NULL AND NOT CAST($4 AS boolean) THEN 'protected'
         WHEN (CASE CAST($6 AS text)
                 WHEN 'same_idle_period' THEN a.state = 'idle' AND a.state_change = CAST($3 AS timestamptz)
                 WHEN 'same_idle_transaction'
                   THEN a.state IN ('idle in transaction', 'idle in transaction (aborted)')
                        AND a.state_change = CAST($3 AS timestamptz)
                 WHEN 'same_transaction' THEN a.xact_start = CAST($3 AS timestamptz)
                 WHEN 'same_session' THEN true
               END) IS NOT TRUE THEN 'woke'
         WHEN pg_terminate_backend(a.pid) THEN 'signalled'
         ELSE 'gone'
       END AS signal
  FROM (SELECT bool_or(rolsystemadmin) OR pg_has_role(CAST('gs_role_read_all_stats' AS name), 'USAGE') AS sees_all
          FROM pg_roles
         WHERE rolname = current_user) v
  LEFT JOIN pg_stat_activity a ON a.pid = CAST($1 AS bigint);

-- with: sessionid, rolmonitoradmin, pg_terminate_session()
/* vacate:terminate */
-- As the next one, for a server that cannot be asked for one session alone. $7 is not used there.
SELECT CAST($1 AS bigint) AS session_id,
       CAST($2 AS timestamptz) AS backend_start,
       a.state,
       CASE
         WHEN v.sees_all IS NOT TRUE OR CAST($7 AS boolean) IS NULL THEN 'forbidden'
         WHEN a.sessionid IS NULL OR a.backend_start IS DISTINCT FROM CAST($2 AS timestamptz) THEN 'gone'
         WHEN a.pid = pg_backend_pid() THEN 'protected'
         WHEN a.client_port IS NULL AND NOT CAST($5 AS boolean) THEN 'protected'
         WHEN a.client_addr IS NULL AND NOT CAST($4 AS boolean) THEN 'protected'
         WHEN (CASE CAST($6 AS text)
                 WHEN 'same_idle_period'
                   THEN a.listed = 1
                        AND (a.state = 'idle' AND a.state_change = CAST($3 AS timestamptz)
                             AND (a.pid = 0 OR a.pid = a.sessionid)
                             OR a.state IS NULL AND a.state_change IS NULL AND a.query_start IS NULL
                             AND a.xact_start IS NULL AND a.pid = 0 AND a.backend_start = CAST($3 AS timestamptz))
                 WHEN 'same_idle_transaction'
                   THEN a.listed = 1
                        AND a.state IN ('idle in transaction', 'idle in transaction (aborted)')
                        AND a.state_change = CAST($3 AS timestamptz)
                 WHEN 'same_transaction' THEN a.xact_start = CAST($3 AS timestamptz)
                 WHEN 'same_session' THEN true
               END) IS NOT TRUE THEN 'woke'
         WHEN pg_terminate_session(a.pid, a.sessionid) THEN 'signalled'
         ELSE 'gone'
       END AS signal
  FROM (SELECT bool_or(rolsystemadmin OR rolmonitoradmin) AS sees_all FROM pg_roles WHERE rolname = current_user) v
  LEFT JOIN (SELECT s.*, count(*) OVER () AS listed
               FROM pg_stat_activity s
              WHERE s.sessionid = CAST($1 AS bigint)
                AND (s.client_port IS NOT NULL OR s.pid = s.sessionid)) a ON true;

-- with: sessionid, rolmonitoradmin, pg_terminate_session(), pg_stat_get_activity()
/* vacate:terminate */
-- The only statement that signals, once for every victim. It reads the victim a second time and signals only if it is
-- still the same session and meets the demand: to be in the same idle period, in the same idle period inside its
-- transaction, in the same transaction, or nothing more. A demand that is not known here is met by nobody.
--
-- The session is found by its id. Its pid is read here, never taken from the look: in a thread pool it is 0 while the
-- session is idle, and belongs to whomever the thread serves afterwards. The function goes by the thread where both
-- are equal, which is so outside the pool, and by the session everywhere else. An idle session that has a thread of
-- the pool has just got it, or is about to give it back; either way it was used this moment. Inside a transaction a
-- session keeps its worker, so there its state, and since when, is all that can be asked. One that never ran a
-- statement has no state, and is idle since it began.
--
-- The threads of a parallel statement are listed under the id of its session, without a client, and are passed over. A
-- session that is listed twice is just being handed from one thread to another, and is not idle.
--
-- The server makes its list row by row and hands it over when it is whole, so that the rest of the list passes between
-- the second read and the signal. Whoever has a thread of its own is asked for alone. A session of the pool cannot be.
--
-- $1 the session's id, $2 its backend_start, $3 since when its idle period or its transaction lasts, $4 whether
-- sessions without a client address and $5 whether internal threads may be signalled, $6 the demand, $7 whether the
-- session had a thread of its own at the look.
SELECT CAST($1 AS bigint) AS session_id,
       CAST($2 AS timestamptz) AS backend_start,
       a.state,
       CASE
         WHEN v.sees_all IS NOT TRUE THEN 'forbidden'
         WHEN a.sessionid IS NULL OR a.backend_start IS DISTINCT FROM CAST($2 AS timestamptz) THEN 'gone'
         WHEN a.pid = pg_backend_pid() THEN 'protected'
         WHEN a.client_port IS NULL AND NOT CAST($5 AS boolean) THEN 'protected'
         WHEN a.client_addr IS NULL AND NOT CAST($4 AS boolean) THEN 'protected'
         WHEN (CASE CAST($6 AS text)
                 WHEN 'same_idle_period'
                   THEN a.listed = 1
                        AND (a.state = 'idle' AND a.state_change = CAST($3 AS timestamptz)
                             AND (a.pid = 0 OR a.pid = a.sessionid)
                             OR a.state IS NULL AND a.state_change IS NULL AND a.query_start IS NULL
                             AND a.xact_start IS NULL AND a.pid = 0 AND a.backend_start = CAST($3 AS timestamptz))
                 WHEN 'same_idle_transaction'
                   THEN a.listed = 1
                        AND a.state IN ('idle in transaction', 'idle in transaction (aborted)')
                        AND a.state_change = CAST($3 AS timestamptz)
                 WHEN 'same_transaction' THEN a.xact_start = CAST($3 AS timestamptz)
                 WHEN 'same_session' THEN true
               END) IS NOT TRUE THEN 'woke'
         WHEN pg_terminate_session(a.pid, a.sessionid) THEN 'signalled'
         ELSE 'gone'
       END AS signal
  FROM (SELECT bool_or(rolsystemadmin OR rolmonitoradmin) AS sees_all FROM pg_roles WHERE rolname = current_user) v
  LEFT JOIN (SELECT s.*, count(*) OVER () AS listed
               FROM pg_stat_get_activity(CASE WHEN CAST($7 AS boolean) THEN CAST($1 AS bigint) END) s
              WHERE s.sessionid = CAST($1 AS bigint)
                AND (s.client_port IS NOT NULL OR s.pid = s.sessionid)) a ON true;
