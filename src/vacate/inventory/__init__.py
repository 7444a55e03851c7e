"""Where the clusters are. `static` serves the instances that the configuration names."""
