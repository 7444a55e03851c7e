"""What the statements of a session prove: that it holds something which ends with it, or holds it no longer.

Only what a statement says at its beginning counts, outside of texts and comments. Whether it succeeded is not told, so
a statement that failed counts as well: it spares a session too many until the session ends.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from itertools import pairwise

from vacate.domain.sessions.fingerprints import normalised
from vacate.domain.sessions.session import NOTHING_HELD, Held, SessionKey

_CHANGES = re.compile(r"listen|discard|declare|close|(?:start|stop)_backup|backup_st", re.IGNORECASE)
_NOW = re.compile(r"pg_listening_channels|pgqueuer|^\s*(?:fetch|move)\b", re.IGNORECASE)
# Servers keep the beginning of a statement, 1,024 bytes by default. Of what is longer than this the rest is not read.
_READ = 65_536
_KEPT = 4_096
"""Answers about longer statements are not kept for the next time."""
_MOST_CURSORS = 64
_MORE_CURSORS = ""
"""Stands for cursors beyond the number that is remembered by name. No cursor has this name."""
_STARTS = frozenset({"pg_backup_start", "pg_start_backup"})
_STOPS = frozenset({"pg_backup_stop", "pg_stop_backup"})


def held_after(held: Held, statement: str | None) -> Held:
    """What a session holds after its last statement, if it held so much before."""
    if not statement or not _CHANGES.search(statement):
        return held
    if len(statement) > _KEPT:
        return _after.__wrapped__(held, statement[:_READ])
    return _after(held, statement)


def recalled(
    before: Mapping[SessionKey, Held], listed: Iterable[tuple[int, datetime | None, str | None]]
) -> dict[SessionKey, Held]:
    """What is held by the sessions of a whole list, each with its id, its start and its last statement.

    Whoever is not listed any more is forgotten, so that no more is kept than the server has sessions. Of a session
    whose start is hidden, what was known of its id is kept.
    """
    after: dict[SessionKey, Held] = {}
    hiding: set[int] = set()
    shown: set[int] = set()
    for session_id, start, statement in listed:
        if start is None:
            hiding.add(session_id)
            continue
        shown.add(session_id)
        key = SessionKey(session_id=session_id, backend_start=start)
        held = held_after(before.get(key, NOTHING_HELD), statement)
        if held != NOTHING_HELD:
            after[key] = held
    return after | {key: held for key, held in before.items() if key.session_id in hiding - shown}


def heartbeat(statement: str | None) -> str | None:
    """Which worker's statement it is that listens and says so by no LISTEN; `None` for any other statement."""
    if not statement or not _NOW.search(statement):
        return None
    tokens = normalised(statement[:_READ])
    if ("pg_listening_channels", "(") in pairwise(tokens):
        return "it asks which channels it listens to"
    # Those who only put work into the queue insert; the workers never do.
    if any(token.startswith("pgqueuer") for token in tokens) and "insert" not in tokens:
        return "it works on the queue of pgqueuer, and listens meanwhile"
    return None


def fetched_from(statement: str | None) -> str | None:
    """The cursor that a statement read from, if it did nothing else; outside a transaction only a held one can be."""
    if not statement or not _NOW.search(statement):
        return None
    tokens = normalised(statement[:_READ])
    if len(tokens) < 2 or tokens[0] not in {"fetch", "move"} or ";" in tokens:  # noqa: PLR2004 - the word and a name.
        return None
    return _name(tokens[-1])


# A pool's sessions end in the same few statements, and one list asks of all of them.
@lru_cache(maxsize=2048)
def _after(held: Held, text: str) -> Held:
    for tokens in _statements(normalised(text)):
        held = _after_one(held, tokens)
    return held


def _statements(tokens: Sequence[str]) -> Iterator[Sequence[str]]:
    start = 0
    for place, word in enumerate(tokens):
        if word == ";":
            yield tokens[start:place]
            start = place + 1
    yield tokens[start:]


def _after_one(held: Held, tokens: Sequence[str]) -> Held:
    match list(tokens[:2]):
        case ["listen", _]:
            return replace(held, listening=True)
        case ["unlisten", "*"]:
            return replace(held, listening=False)
        case ["discard", "all"]:
            return replace(held, listening=False, cursors=frozenset())
        case ["close", "all"]:
            return replace(held, cursors=frozenset())
        case ["close", name]:
            return replace(held, cursors=held.cursors - {_name(name)})
        case ["declare", name] if _is_held(tokens):
            known = _name(name) if len(held.cursors) < _MOST_CURSORS else _MORE_CURSORS
            return replace(held, cursors=held.cursors | {known})
        case _:
            return _after_backup(held, tokens)


def _is_held(tokens: Sequence[str]) -> bool:
    head = tokens[: tokens.index("for")] if "for" in tokens else tokens
    return ("with", "hold") in pairwise(head)


def _after_backup(held: Held, tokens: Sequence[str]) -> Held:
    for word, behind in pairwise(tokens):
        if behind == "(" and word in _STARTS:
            held = replace(held, backup=True)
        elif behind == "(" and word in _STOPS:
            held = replace(held, backup=False)
    return held


def _name(token: str) -> str:
    """An identifier as the server knows it: what is not quoted is in lower case already."""
    return token[1:-1].replace('""', '"') if token.startswith('"') else token
