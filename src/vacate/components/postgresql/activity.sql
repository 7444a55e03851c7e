-- since: 15
/* vacate:activity */
-- Every client's session but our own, with what it does and whom it waits for. What there is not is NULL. Texts are
-- handed over as bytes, in the encoding of whatever database they come from; see components/decoding.py.
--
-- What is awaited is looked up only if somebody waits: the list of all locks costs every partition of the lock
-- manager. So does each question who blocks a session, and in a queue of n its answer takes n * n steps; so it is asked
-- for the hundred that have waited longest, and when two thousand wait for one lock the list still comes in time.
-- A session that stopped waiting since its row was read has no lock any more. `greatest` passes over NULLs, so what has
-- not begun is told apart first.
--
-- `lock_tag` is the kind of lock and then the ids that tell it from others of its kind, in the order of pg_locks:
-- `relation 5/16422`, `tuple 5/16422/0/7`, `transactionid 742`, `advisory 5/0/42/1`.
WITH listed AS MATERIALIZED (
  SELECT a.*, clock_timestamp() AS seen
    FROM pg_stat_get_activity(NULL) a
   WHERE a.backend_type = 'client backend' AND a.pid <> pg_backend_pid()
), awaited AS MATERIALIZED (
  SELECT l.pid,
         l.mode,
         l.locktype || ' ' || concat_ws('/', l.database, l.relation, l.page, l.tuple, l.virtualxid, l.transactionid,
                                        l.classid, l.objid, l.objsubid) AS tag,
         row_number() OVER (ORDER BY l.waitstart, l.pid) AS place
    FROM pg_locks l
   WHERE NOT l.granted AND EXISTS (SELECT FROM listed WHERE wait_event_type = 'Lock')
)
SELECT s.pid AS session_id,
       s.pid,
       s.backend_start,
       greatest(s.seen - s.backend_start, interval '0') AS open_for,
       namesend(r.rolname) AS "user",
       namesend(d.datname) AS database,
       textsend(s.application_name) AS application,
       host(s.client_addr) AS client_address,
       s.client_port,
       s.state,
       s.state_change,
       s.xact_start AS transaction_start,
       CASE WHEN s.xact_start IS NOT NULL
            THEN greatest(s.seen - s.xact_start, interval '0') END AS in_transaction_for,
       s.backend_xid::text AS transaction_id,
       s.query_start AS statement_start,
       CASE WHEN s.state IN ('active', 'fastpath function call') AND s.query_start IS NOT NULL
            THEN greatest(s.seen - s.query_start, interval '0') END AS running_for,
       s.query_id AS statement_id,
       textsend(s.query) AS query,
       textsend(s.wait_event_type) AS wait_event_type,
       textsend(s.wait_event) AS wait_event,
       CASE WHEN w.place <= 100
            THEN ARRAY(SELECT DISTINCT b FROM unnest(pg_blocking_pids(s.pid)) b ORDER BY b) END AS blocked_by,
       w.mode AS lock_mode,
       w.tag AS lock_tag,
       d.encoding
  FROM listed s
  LEFT JOIN pg_roles r ON r.oid = s.usesysid
  LEFT JOIN pg_database d ON d.oid = s.datid
  LEFT JOIN awaited w ON w.pid = s.pid AND s.wait_event_type = 'Lock';
