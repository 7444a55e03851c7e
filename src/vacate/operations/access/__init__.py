"""Who may enter a project, and what proving a sender needs."""
