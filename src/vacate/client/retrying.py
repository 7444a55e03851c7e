"""Which requests are sent again, and when: those that change nothing, after what passes by itself."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from vacate.api.operation import Operation
from vacate.client.exchange import Answer, Unanswered
from vacate.client.requests import retry_after

_PASSING = frozenset({429, 502, 503, 504})
_FIRST_PAUSE = timedelta(milliseconds=250)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """How often a call that changes nothing is sent again.

    A call that may change something is never sent again by itself, whatever came of it: it may have had its effect.

    `at_most` is how often, and `patience` the longest pause before one more attempt: when the service asks for a longer
    one, its refusal is raised at once.
    """

    at_most: int = 2
    patience: timedelta = timedelta(seconds=30)

    def pause(self, operation: Operation, attempt: int, reply: Answer | Unanswered, now: datetime) -> timedelta | None:
        """How long to wait before one more attempt; None when there is to be none.

        Args:
            operation: What was called.
            attempt: How often it was sent again before.
            reply: What came of the last attempt.
            now: For a `Retry-After` that is a date; aware.
        """
        if operation.changes or attempt >= self.at_most:
            return None
        if isinstance(reply, Answer) and reply.status not in _PASSING:
            return None
        asked = retry_after(reply, now) if isinstance(reply, Answer) else None
        wait = _FIRST_PAUSE * 2**attempt if asked is None else asked
        return wait if wait <= self.patience else None


NEVER_AGAIN = Retries(at_most=0)
