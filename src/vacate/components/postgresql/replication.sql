-- since: 15
/* vacate:replication */
-- The server itself, by what no other server shares; whom it streams its log to; and whom it receives it from. The
-- port that a standby listens at is not told. A backup under way and a subscriber of changes are no standbys.
SELECT 'own' AS relation,
       textsend(host(inet_server_addr())) AS host,
       NULL::int AS port,
       textsend(current_setting('cluster_name')) AS name,
       pg_postmaster_start_time() AS started_at
UNION ALL
SELECT 'receiver', textsend(host(r.client_addr)), NULL, textsend(r.application_name), NULL
  FROM pg_stat_replication r
  LEFT JOIN pg_replication_slots s ON s.active_pid = r.pid
 WHERE r.state <> 'backup'
   AND s.slot_type IS DISTINCT FROM 'logical'
UNION ALL
SELECT 'source', textsend(w.sender_host), w.sender_port, NULL, NULL
  FROM pg_stat_wal_receiver w
 WHERE w.sender_host IS NOT NULL;
