"""What looks at a cluster that is not configured yet."""

from dataclasses import replace
from datetime import timedelta

from vacate.components.scout import EngineScout
from vacate.components.timeouts import Timeouts
from vacate.inventory.patroni import PatroniCluster
from vacate.operations.discovery.discover import Discover


def discovery(patroni: str | None, *, connect_within: timedelta) -> Discover:
    """What looks at a cluster; `patroni` is where to ask for its members.

    Raises:
        DiscoveryError: that is no address.
    """
    timeouts = Timeouts(connect=connect_within)
    scout = EngineScout(replace(timeouts, gauss_connect=max(connect_within, timeouts.gauss_connect)))
    return Discover(scout=scout, enrol=PatroniCluster(patroni).roster if patroni else None)
