"""The commands, a module for each; what they do is imported when they are called."""
