"""Finding the servers of a cluster, and pinning which one each component is."""
