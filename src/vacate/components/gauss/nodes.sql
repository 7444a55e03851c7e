-- since: 0
/* vacate:nodes */
-- The nodes of the cluster, as a coordinator knows them. Its own row names the host `localhost`. A node may have a
-- second address, which it takes over from its standby.
SELECT textsend(CAST(node_name AS text)) AS name,
       CAST(node_type AS text) AS type,
       textsend(CAST(node_host AS text)) AS host,
       node_port AS port,
       textsend(CAST(node_host1 AS text)) AS other_host,
       node_port1 AS other_port
  FROM pgxc_node
 WHERE node_type IN ('C', 'D', 'S')
 ORDER BY node_name;
