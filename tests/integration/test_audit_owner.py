"""The owner of the store, who can write every table and knows how digests are made, changes nothing unnoticed.

They have everything but the key and the anchor. `make tamper` makes 10,000 changes, the suite some of them.
"""

import contextlib
import os
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Table, delete, insert, select

from tests.integration.test_audit_chain import event, proved, tampered
from vacate.domain.audit.chain import FORM, KEYED, digest_of
from vacate.domain.errors import AuditUnavailableError, StoreUnavailableError
from vacate.store.audit import SqlAuditLog
from vacate.store.audit_key import KeyFile
from vacate.store.audit_rows import link_of
from vacate.store.audit_search import SqlAuditSearch
from vacate.store.database import Database
from vacate.store.tables import audit_base, audit_events, audit_head, audit_indexed, audit_sessions

EDITS = int(os.environ.get("VACATE_TAMPERINGS", "150"))
EVENTS = 8
# That the end is missing is seen by whoever knows how far the chain went, and by nobody else.
WITH_AN_ANCHOR = frozenset({"cut", "restore"})
TABLES = (audit_base, audit_head, audit_events, audit_indexed, audit_sessions)
Rows = dict[Table, list[dict[str, Any]]]


def kept(connection: Connection) -> Rows:
    """Everything that the store keeps of the audit."""
    return {
        table: [dict(row) for row in connection.execute(select(table).order_by(*table.primary_key)).mappings()]
        for table in TABLES
    }


def put(connection: Connection, rows: Rows) -> None:
    """Have the store keep this and nothing else."""
    for table in reversed(TABLES):
        connection.execute(delete(table))
    for table in TABLES:
        if rows[table]:
            connection.execute(insert(table), rows[table])


class Owner:
    """Makes changes at random, each of another kind, and covers them as far as they can."""

    def __init__(self, seed: int, history: Sequence[Rows]) -> None:
        self.dice = random.Random(seed)  # noqa: S311 - a test that can be repeated.
        self.history = history

    def change(self, rows: Rows) -> str:
        """Change some rows in place; the name of what was done."""
        kinds = (
            self.edit,
            self.edit_and_cover,
            self.insert,
            self.remove,
            self.swap,
            self.cut,
            self.restore,
            self.forget_the_beginning,
            self.edit_the_index,
            self.thin_the_index,
            self.pad_the_index,
        )
        kind = self.dice.choice(kinds)
        kind(rows)
        return kind.__name__

    def other(self, value: object) -> object:
        """Another value of the same kind."""
        match value:
            case bytes():
                return bytes([value[0] ^ 1]) + value[1:]
            case int():
                return value + self.dice.choice((-3, -1, 1, 2))
            case str():
                return self.dice.choice((value + " ", value[:-1] if value else "x", "nobody", value.upper() + "!"))
            case None:
                return None
            case _:
                return value

    def one(self, rows: Rows) -> dict[str, Any]:
        return self.dice.choice(rows[audit_events])

    def edit(self, rows: Rows) -> None:
        row = self.one(rows)
        column = self.dice.choice([name for name in row if isinstance(row[name], str | int | bytes)])
        row[column] = self.other(row[column])

    def edit_and_cover(self, rows: Rows) -> None:
        """Change an event, and make every digest from there on anew: without the key, or with a made-up one."""
        place = self.dice.randrange(len(rows[audit_events]))
        form, key = self.dice.choice(((FORM, None), (KEYED, bytes(32))))
        row = rows[audit_events][place]
        row["note"] = "nothing happened"
        previous = row["previous"]
        for later in rows[audit_events][place:]:
            later["previous"], later["form"] = previous, form
            previous = later["digest"] = digest_of(previous, link_of(later).fields, key)  # pyright: ignore[reportArgumentType] - a row all the same
        rows[audit_head][0]["digest"] = previous

    def insert(self, rows: Rows) -> None:
        taken = {row["id"] for row in rows[audit_events]}
        places = [each for each in range(-3, EVENTS + 12) if each not in taken]
        rows[audit_events].append({**self.one(rows), "id": self.dice.choice(places)})

    def remove(self, rows: Rows) -> None:
        for _ in range(self.dice.randint(1, 3)):
            rows[audit_events].remove(self.one(rows))

    def swap(self, rows: Rows) -> None:
        one, other = self.dice.sample(rows[audit_events], 2)
        one["id"], other["id"] = other["id"], one["id"]

    def cut(self, rows: Rows) -> None:
        """Remove the end, and have the head say that it is one."""
        left = rows[audit_events][: self.dice.randint(1, len(rows[audit_events]) - 1)]
        rows[audit_events] = left
        rows[audit_head][0] |= {"last_id": left[-1]["id"], "digest": left[-1]["digest"]}
        self.clip_the_index(rows, left[-1]["id"])

    def restore(self, rows: Rows) -> None:
        """Put back what the store was once."""
        rows |= {table: [dict(row) for row in old] for table, old in self.dice.choice(self.history).items()}

    def forget_the_beginning(self, rows: Rows) -> None:
        """Remove the first events, and have the base say that they were pruned."""
        gone = rows[audit_events][self.dice.randint(0, len(rows[audit_events]) - 2)]
        rows[audit_events] = [row for row in rows[audit_events] if row["id"] > gone["id"]]
        rows[audit_base][0] |= {"last_id": gone["id"], "digest": gone["digest"]}
        rows[audit_sessions] = [row for row in rows[audit_sessions] if row["event_id"] > gone["id"]]

    def edit_the_index(self, rows: Rows) -> None:
        row = self.dice.choice(rows[audit_sessions])
        column = self.dice.choice([name for name in row if isinstance(row[name], str | int)])
        row[column] = self.other(row[column]) if column != "position" else row[column] + 5

    def thin_the_index(self, rows: Rows) -> None:
        rows[audit_sessions].remove(self.dice.choice(rows[audit_sessions]))

    def pad_the_index(self, rows: Rows) -> None:
        if self.dice.random() < 0.3:
            rows[audit_indexed][0]["last_id"] += self.dice.randint(1, 5)
            return
        row = self.dice.choice(rows[audit_sessions])
        rows[audit_sessions].append({**row, "position": row["position"] + self.dice.randint(5, 9)})

    def clip_the_index(self, rows: Rows, last: int) -> None:
        rows[audit_sessions] = [row for row in rows[audit_sessions] if row["event_id"] <= last]
        rows[audit_indexed][0]["last_id"] = min(rows[audit_indexed][0]["last_id"], last)


def copied(rows: Mapping[Table, list[dict[str, Any]]]) -> Rows:
    return {table: [dict(row) for row in each] for table, each in rows.items()}


async def test_no_change_of_the_stores_owner_goes_unnoticed(database: Database, tmp_path: Path) -> None:
    key = KeyFile(tmp_path / "audit.key")
    log = SqlAuditLog(database, key=key)
    search = SqlAuditSearch(database, log)
    history: list[Rows] = []
    for number in range(1, EVENTS + 1):
        await log.append(event(number))
        await search.take_in()
        async with database.read() as connection:
            history.append(await connection.run_sync(kept))
    whole, anchor = history.pop(), await log.head()
    assert (await proved(log, anchor)).problem is None

    done: dict[str, int] = {}
    unnoticed: list[str] = []
    for seed in range(EDITS):
        rows = copied(whole)
        name = Owner(seed, history).change(rows)
        if rows == whole:
            continue
        try:
            await tampered(database, lambda table, rows=rows: put(table, rows))
        except StoreUnavailableError:
            continue  # The database itself takes no two rows of one key.
        done[name] = done.get(name, 0) + 1
        if (await proved(log, anchor)).problem is None:
            unnoticed.append(f"{name} of seed {seed}")
        # What a service writes afterwards, which knows nothing of what was there before, makes nothing of it whole.
        with contextlib.suppress(AuditUnavailableError):
            await SqlAuditLog(database, key=key).append(event(EVENTS + 1))
        if (await proved(log, anchor)).problem is None:
            unnoticed.append(f"{name} of seed {seed}, after another event")
        if name not in WITH_AN_ANCHOR and (await proved(log)).problem is None:
            unnoticed.append(f"{name} of seed {seed}, after another event and without an anchor")
    assert unnoticed == []
    assert len(done) == 11 or EDITS < 100
    await tampered(database, lambda table: put(table, whole))
    assert (await proved(log, anchor)).problem is None
