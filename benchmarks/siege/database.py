"""A database server that is hostile or broken, and the kills on the component beside it."""

import http.client
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress

from benchmarks.siege.field import Field, log_bytes
from benchmarks.siege.figures import Figure, Found, kills_figure, memory_figure
from benchmarks.siege.liar import ATTACKS
from benchmarks.siege.probes import ask, memory, signed
from benchmarks.siege.programs import program
from benchmarks.stage import Caller, kill_idle

_LIED_TO = 1
_PAUSE_S = 0.5
_ATTACKED_S = 8.0


def measure(field: Field) -> Found:
    """Kill on the honest component while the other one's server does each of what it can do."""
    scale, figures, before = field.scale, list[Figure](), 0
    with program("liar", str(field.server.port)) as liar:
        dsn = field.server.dsn(port=int(liar.hear()))
        with field.serving("database", others=[dsn]) as (caller, killer):
            quiet = killer.kills(scale.kills)
            for attack in ATTACKS:
                liar.tell(attack)
                liar.hear()
                with memory(caller.service.process) as used, _asked_all_the_while(caller):
                    # What one attack leaves behind counts in the next one too.
                    before = before or used.before
                    besieged = killer.kills(scale.kills, for_s=_ATTACKED_S)
                    figures.append(kills_figure("database", f"kill beside {attack}", quiet, besieged, scale))
                    figures.append(memory_figure("database", f"memory beside {attack}", before, used.peak, scale))
                liar.tell("")
                liar.hear()
            return Found(figures=figures, log_bytes=log_bytes(caller), notes=killer.problems)


@contextmanager
def _asked_all_the_while(caller: Caller) -> Generator[None]:
    """Kills on the hostile component, one after the other, so that it is not only looked at when it is checked."""
    over = threading.Event()
    request = kill_idle(_LIED_TO)

    def ask_again() -> None:
        while not over.is_set():
            with suppress(OSError, http.client.HTTPException):
                ask(caller.service.port, request, signed(caller, request))
            over.wait(_PAUSE_S)

    asking = threading.Thread(target=ask_again)
    asking.start()
    try:
        yield
    finally:
        over.set()
        asking.join()
