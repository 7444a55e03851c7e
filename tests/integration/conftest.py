"""The fixtures of the tests that run on real servers."""

from tests.support.postgres import clients, installation, proxy, server, workplace

__all__ = ["clients", "installation", "proxy", "server", "workplace"]
