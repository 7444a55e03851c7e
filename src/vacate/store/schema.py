"""Which step of the migrations a store stands at, and the way to the newest."""

from importlib import resources

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect

from vacate.domain.errors import StoreUnavailableError
from vacate.store import plan_tables, webhook_tables
from vacate.store.tables import users

# A module's tables are declared when it is imported.
_DECLARING = (plan_tables, webhook_tables)
metadata = _DECLARING[0].metadata
"""Every table, now that all modules that declare some are known."""

_FOLDER = resources.files("vacate.store").joinpath("migrations")


class StoreOutdatedError(StoreUnavailableError):
    """The store is of an older Vacate; nothing is changed until somebody asks for it."""

    def __init__(self, *, found: str) -> None:
        super().__init__(
            f"it is at step {found} and this Vacate needs {NEWEST}; stop every service on it, copy it "
            "with `vacate store backup FILE`, then run `vacate store migrate`"
        )


class StoreTooNewError(StoreUnavailableError):
    """The store is of a newer Vacate, which knows what it keeps better."""

    def __init__(self, *, found: str) -> None:
        super().__init__(
            f"it is at step {found}, made by a newer Vacate than this one, which knows steps up to {NEWEST}; "
            "install the newer Vacate, or use another store"
        )


_SCRIPT = ScriptDirectory(str(_FOLDER))
STEPS: tuple[str, ...] = tuple(reversed([step.revision for step in _SCRIPT.walk_revisions()]))
"""Every step that this Vacate knows, the oldest first."""
NEWEST = STEPS[-1]
BEFORE_STEPS = "0000"
"""Where a store stands that has tables of ours and no step yet."""


def step_of(connection: Connection) -> str | None:
    """The step that a store stands at; `None` when it is empty."""
    step = MigrationContext.configure(connection).get_current_revision()
    if step is not None:
        return step
    return BEFORE_STEPS if inspect(connection).has_table(users.name) else None


def require_newest(connection: Connection) -> None:
    """Take an empty store to the newest step, and refuse any other store that is not there.

    Raises:
        StoreOutdatedError: `vacate store migrate` must be run first.
        StoreTooNewError: a newer Vacate must be used.
    """
    step = step_of(connection)
    if step is None:
        migrate(connection)
    elif step not in {BEFORE_STEPS, *STEPS}:
        raise StoreTooNewError(found=step)
    elif step != NEWEST:
        raise StoreOutdatedError(found=step)


def migrate(connection: Connection) -> tuple[str, ...]:
    """Take a store through every step that it lacks, in the transaction of the connection; those that it took.

    Raises:
        StoreTooNewError: a newer Vacate must be used.
    """
    step = step_of(connection)
    if step is not None and step not in {BEFORE_STEPS, *STEPS}:
        raise StoreTooNewError(found=step)
    lacking = STEPS[STEPS.index(step) + 1 :] if step in STEPS else STEPS
    # Alembic's own runner works through variables of its modules, and several stores may be opened at once.
    context = MigrationContext.configure(connection, opts={"target_metadata": metadata})
    for revision in lacking:
        _SCRIPT.get_revision(revision).module.upgrade(Operations(context))
        context.stamp(_SCRIPT, revision)
    return lacking
