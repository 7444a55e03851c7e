"""The fixtures of the tests that run on real servers."""

from tests.support.gauss.fixtures import gauss_clients, gauss_server
from tests.support.postgres import clients, installation, proxy, server, workplace
from tests.support.stores import database, store_server, store_url

__all__ = [
    "clients",
    "database",
    "gauss_clients",
    "gauss_server",
    "installation",
    "proxy",
    "server",
    "store_server",
    "store_url",
    "workplace",
]
