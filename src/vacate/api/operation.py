"""One call of a door: as it is routed, and as it is described."""

from dataclasses import dataclass, field

import msgspec

from vacate.domain.errors import VacateError

Shape = type[msgspec.Struct]


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One request and its answer, as the reference shows them: JSON bodies, and the query as pairs."""

    title: str
    response: object
    request: object = None
    query: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """A call with everything that a reader, a client or a tester must know about it.

    `path` is a template; its parameters are described by the door. `request` is the shape of the JSON body and
    `query` that of the query string; each field's description, unit and range is in the shape itself. `errors` are
    the classes the call may raise besides those that every call of its door may raise. `request_headers` are read by
    the call itself, `headers` come with its answer. A call that is always refused has the `status` of the refusal; one
    that may be answered before its work is done has the status `under_way` then, with the same shape. A call that is no
    GET or HEAD and changes nothing all the same is `read_only`.
    """

    id: str
    family: str
    title: str
    description: str
    method: str
    path: str
    response: Shape | None
    request: Shape | None = None
    body_required: bool = True
    query: Shape | None = None
    status: int = 200
    under_way: int | None = None
    authenticated: bool = True
    read_only: bool = False
    request_headers: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    errors: tuple[type[VacateError], ...] = ()
    examples: tuple[Example, ...] = field(default=())

    @property
    def changes(self) -> bool:
        """Whether the call may change something, so that a signed request for it counts once."""
        return self.method not in {"GET", "HEAD"} and not self.read_only
