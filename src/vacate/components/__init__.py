"""Speaks to the components' servers. The only room that imports their drivers.

Start with `gateway`: it keeps one warm link per component and lends it to one sweep at a time. What is said over a
link is in the `.sql` files beside each engine, one statement a file.
"""
