"""A service with SQLAlchemy's QueuePool: `CHECKED=1` sets `pool_pre_ping`."""

import os
import sys

from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

SIZE = 4
URL = os.environ["DSN"].replace("postgresql://", "postgresql+psycopg://")


def main() -> None:
    engine = create_engine(URL, pool_size=SIZE, pool_pre_ping=os.environ["CHECKED"] == "1")
    # As a busy moment leaves the pool: full, and everybody idle.
    busy = [engine.connect() for _ in range(SIZE)]
    for connection in busy:
        connection.execute(text("SELECT 1"))
    for connection in busy:
        connection.close()
    print("ready", flush=True)
    for _ in sys.stdin:
        try:
            with engine.connect() as connection:
                connection.execute(text("SELECT 1"))
        except DBAPIError as error:
            print(f"failed: {type(error).__name__}", flush=True)
        else:
            print("ok", flush=True)


main()
