"""What looks at a cluster that is not configured yet."""

from datetime import timedelta

from vacate.engines.scout import EngineScout
from vacate.engines.timeouts import Timeouts
from vacate.inventory.patroni import PatroniCluster
from vacate.operations.discover import Discover


def discovery(patroni: str | None, *, connect_within: timedelta) -> Discover:
    """What looks at a cluster; `patroni` is where to ask for its members.

    Raises:
        DiscoveryError: that is no address.
    """
    scout = EngineScout(Timeouts(connect=connect_within))
    return Discover(scout=scout, enrol=PatroniCluster(patroni).roster if patroni else None)
