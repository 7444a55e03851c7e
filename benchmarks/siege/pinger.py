"""A program: asks whether the service is alive, again and again over one connection, and says how long that took.

    python -m benchmarks.siege.pinger PORT

After each line on its standard input it says the longest wait since the line before, in seconds.
"""

import http.client
import selectors
import sys
import time

_PAUSE_S = 0.005
_PATIENCE_S = 60.0


def main(port: int) -> None:
    """Ask until standard input ends."""
    ears = selectors.DefaultSelector()
    ears.register(sys.stdin, selectors.EVENT_READ)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE_S)
    longest = 0.0
    while True:
        if ears.select(_PAUSE_S):
            if not sys.stdin.readline():
                return
            print(longest, flush=True)
            longest = 0.0
        started = time.perf_counter()
        try:
            connection.request("GET", "/healthz")
            connection.getresponse().read()
        except (OSError, http.client.HTTPException):
            connection.close()
        longest = max(longest, time.perf_counter() - started)


if __name__ == "__main__":
    main(int(sys.argv[1]))
