"""The doors. Each speaks one dialect of HTTP and calls the operations; none decides anything about sessions.

Start with `app`, which joins the doors. Every request passes `envelope` (its id, its log line, the last resort) and
every call that needs a sender passes `gate` (body read once, sender proved once).
"""
