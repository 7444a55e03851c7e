"""Keeps the garbage collector from walking through what lives as long as the service."""

import asyncio
import gc
from collections.abc import Callable, Iterable

from vacate.domain.topology.health import ComponentHealth

_POLL_S = 1.0


async def settle_heap(health: Callable[[], Iterable[ComponentHealth]]) -> None:
    """Set aside what is there once every component was checked: it is never garbage.

    A full collection stops everything else meanwhile; with 3,000 components it took half a second.
    """
    while any(entry.checked_at is None for entry in health()):  # noqa: ASYNC110 - agents tell nobody
        await asyncio.sleep(_POLL_S)
    gc.collect()
    gc.freeze()
