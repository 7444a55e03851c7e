"""Where sessions are: projects, instances, nodes, components, and what their servers say of themselves."""
