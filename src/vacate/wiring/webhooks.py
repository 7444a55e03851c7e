"""What tells endpoints of sessions: senders that are closed at the end, and the rounds that keep them busy."""

import os
from contextlib import AsyncExitStack
from datetime import timedelta

from vacate import __version__
from vacate.operations.clock import utc_now
from vacate.operations.outbox import DeliveryObserver
from vacate.settings.file import Settings
from vacate.settings.webhooks import endpoints, ownership
from vacate.store.webhooks import SqlOutbox
from vacate.webhooks.delivery import Deliverer, Follower, Housekeeping
from vacate.webhooks.sender import Sender
from vacate.wiring.rounds import Round
from vacate.wiring.state import State

_FOLLOW_EVERY = timedelta(seconds=1)
_COUNT_EVERY = timedelta(seconds=15)
_CLEAR_OUT_EVERY = timedelta(hours=6)


async def telling(
    settings: Settings, state: State, observer: DeliveryObserver, stack: AsyncExitStack
) -> tuple[Round, ...]:
    """The rounds of the endpoints; none without any. Each endpoint has one of its own, so none waits for another.

    Raises:
        SettingsError: a secret is missing or malformed.
        StoreUnavailableError: where the endpoints begin could not be kept.
    """
    known = endpoints(settings, os.environ)
    if not known:
        return ()
    outbox = SqlOutbox(state.database)
    # A new endpoint is told of everything from now on: the service has not answered anybody yet.
    await outbox.behind([endpoint.name for endpoint in known], utc_now())
    follow = Follower(outbox=outbox, endpoints=known, ownership=ownership(settings), clock=utc_now)
    keeping = Housekeeping(outbox=outbox, names=[endpoint.name for endpoint in known], observer=observer, clock=utc_now)
    deliveries: list[Round] = []
    for endpoint in known:
        sender = Sender(endpoint, version=__version__, clock=utc_now)
        stack.push_async_callback(sender.close)
        deliver = Deliverer(outbox=outbox, endpoint=endpoint, sender=sender, observer=observer, clock=utc_now)
        deliveries.append(Round(name=f"webhook {endpoint.name}", every=_FOLLOW_EVERY, work=deliver))
    return (
        Round(name="following of the audit", every=_FOLLOW_EVERY, work=follow),
        *deliveries,
        Round(name="count of deliveries", every=_COUNT_EVERY, work=keeping.count),
        Round(name="forgetting of deliveries", every=_CLEAR_OUT_EVERY, work=keeping.forget),
    )
