"""What a call asks of the network, as values: requests to send and pauses to make. Nothing here does any I/O.

A call is a `Flow`: a generator that yields steps, gets a reply to each, and returns the call's result. `driving` runs
it.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

ResultT = TypeVar("ResultT")
ItemT = TypeVar("ItemT")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request as it goes out. Headers and body may hold secrets, so they are not shown."""

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back. The names of headers are in lower case."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unanswered:
    """No answer came. `sent` is false when not a byte of the request can have arrived."""

    problem: str
    sent: bool


@dataclass(frozen=True, slots=True)
class Send:
    """Send this request; the reply is an `Answer` or `Unanswered`."""

    request: Request


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait for so many seconds; the reply is None."""

    seconds: float


Step = Send | Pause
Reply = Answer | Unanswered | None
Flow = Generator[Step, Reply, ResultT]

# One page of a list: its entries, and the cursor of the next page, None after the last one. The first cursor is None.
Page = tuple[Sequence[ItemT], int | None]
Pages = Callable[[int | None], Flow[Page[ItemT]]]
