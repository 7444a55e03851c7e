"""Ending sessions: how every sweep is done, the verbs that begin one, and the switch that stops them."""
