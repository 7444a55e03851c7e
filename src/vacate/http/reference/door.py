"""A door as the reference tells of it: its calls, and what each may be refused with."""

from dataclasses import dataclass

from vacate.api.errors import ErrorTable
from vacate.api.operation import Operation, Shape
from vacate.domain.errors import VacateError
from vacate.http.reference.refusals import EVERYWHERE, Refusal, refusals


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribedDoor:
    """`proved` is what every call may raise whose sender has to be proved, `anybody` what every other call may.

    `once` is what those of the former may raise besides that change something.

    `path` has a field for each parameter of the path templates. `headers` come with every answer. `shapes` are those
    that other shapes refer to by their name only.
    """

    title: str
    operations: tuple[Operation, ...]
    table: ErrorTable
    proved: tuple[type[VacateError], ...]
    anybody: tuple[type[VacateError], ...]
    once: tuple[type[VacateError], ...] = ()
    path: Shape | None = None
    headers: tuple[str, ...] = ()
    shapes: tuple[Shape, ...] = ()

    def errors(self, operation: Operation) -> tuple[type[VacateError], ...]:
        """Every class that a call may raise, each once."""
        always = self.proved if operation.authenticated else self.anybody
        once = self.once if operation.authenticated and operation.changes else ()
        return tuple(dict.fromkeys((*always, *once, *operation.errors)))

    def refusals(self, operation: Operation) -> tuple[Refusal, ...]:
        """Everything that a call may be refused with, also what has nothing to do with this door."""
        return (*refusals(self.table, self.errors(operation)), *EVERYWHERE)
