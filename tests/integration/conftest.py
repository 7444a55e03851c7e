"""The fixtures of the tests that run on real servers."""

from tests.support.gauss.fixtures import gauss_clients, gauss_server
from tests.support.postgres import clients, installation, proxy, server, workplace

__all__ = ["clients", "gauss_clients", "gauss_server", "installation", "proxy", "server", "workplace"]
