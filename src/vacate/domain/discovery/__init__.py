"""What servers say of one another, and the cluster that comes of it."""
