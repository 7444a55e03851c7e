"""A signed request that changes something counts once."""

import hashlib
import time
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta

from vacate.domain.errors import RequestRepeatedError
from vacate.iam.signature import CLOCK_WINDOW, Signed
from vacate.iam.tokens import instant_text
from vacate.operations.access.ports import SeenRequests
from vacate.operations.ports import Clock

# The signing time has whole seconds, so a client that makes the same call again at once sends the same bytes. It means
# both, and its second call must do what the first did: the sessions may be others by now.
_A_MOMENT = timedelta(seconds=2)
# A signature is good from 15 minutes before its time to 15 minutes after.
_ALL_OF_THE_WINDOW = 2 * CLOCK_WINDOW.total_seconds()


class Replays:
    """Refuses a signed request that came before, for as long as its signature is good.

    What was received is in the store, so that it counts for every service on it and after a restart. How much that is,
    is bounded by what one access key may ask for in the time of a signature. If the store cannot keep it, the request
    is refused.
    """

    def __init__(self, *, seen: SeenRequests, clock: Clock, seconds: Callable[[], float] = time.monotonic) -> None:
        """Take where requests are kept, the wall clock, and one that never goes back."""
        self._seen = seen
        self._clock = clock
        self._seconds = seconds
        self._noted: deque[tuple[float, datetime]] = deque()

    async def take(self, access_key: str, signed: Signed) -> None:
        """Accept this request now and for a moment, and never again.

        Raises:
            RequestRepeatedError: it came first longer than a moment ago.
            StoreUnavailableError: it cannot be kept that it came.
        """
        now = self._clock()
        digest = hashlib.sha256(access_key.encode() + b"\0" + signed.text).digest()
        first = await self._seen.first_seen(digest, at=now, until=signed.at + CLOCK_WINDOW)
        if first is not None and abs(now - first) >= _A_MOMENT:
            raise RequestRepeatedError(first_seen=instant_text(first))

    async def forget(self) -> None:
        """Forget the requests whose signatures are no good any more; to be called again and again.

        A wall clock that was set forward by mistake, and back again, must not make an old request new. So what counts
        as over is what was over by every time that the clock has shown for half an hour.

        Raises:
            StoreUnavailableError: the store does not answer.
        """
        passed = self._seconds()
        self._noted.append((passed, self._clock()))
        while len(self._noted) > 1 and passed - self._noted[1][0] >= _ALL_OF_THE_WINDOW:
            self._noted.popleft()
        if passed - self._noted[0][0] >= _ALL_OF_THE_WINDOW:
            await self._seen.forget(min(at for _, at in self._noted))
