-- since: 0
/* vacate:replication */
-- The server itself, by what no other server shares; whom it streams its log to; and whom it receives it from, in the
-- words `10.0.0.2:50300<--10.0.0.1:5433`. The ports there are for replication, and clients cannot use them. Only an
-- administrator is shown these words; others are shown that there is a receiver, which is a source without a host.
SELECT CAST('own' AS text) AS relation,
       textsend(host(inet_server_addr())) AS host,
       CAST(NULL AS int) AS port,
       CAST(NULL AS bytea) AS name,
       pg_postmaster_start_time() AS started_at
UNION ALL
SELECT CAST('receiver' AS text),
       textsend(host(r.client_addr)),
       CAST(NULL AS int),
       textsend(CAST(r.application_name AS text)),
       CAST(NULL AS timestamp with time zone)
  FROM pg_stat_replication r
 WHERE lower(r.state) <> 'backup'
UNION ALL
SELECT CAST('source' AS text),
       textsend(substring(w.channel from '<--(.*):[0-9]+$')),
       CAST(NULL AS int),
       CAST(NULL AS bytea),
       CAST(NULL AS timestamp with time zone)
  FROM pg_stat_get_wal_receiver() w
 WHERE w.channel LIKE '%<--%' OR w.channel IS NULL;
