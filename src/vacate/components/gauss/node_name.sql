-- since: 0
/* vacate:node_name */
-- What the server is called in its cluster.
SELECT textsend(current_setting('pgxc_node_name')) AS node_name;
