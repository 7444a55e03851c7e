"""A service with psycopg_pool: `CHECKED=1` has each connection checked before it is lent."""

import os
import sys

import psycopg
from psycopg_pool import ConnectionPool

SIZE = 4
CHECK = ConnectionPool.check_connection if os.environ["CHECKED"] == "1" else None


def main() -> None:
    with ConnectionPool(os.environ["DSN"], min_size=SIZE, max_size=SIZE, check=CHECK, open=True) as pool:
        pool.wait()
        print("ready", flush=True)
        for _ in sys.stdin:
            try:
                with pool.connection() as connection:
                    connection.execute("SELECT 1")
            except psycopg.Error as error:
                print(f"failed: {type(error).__name__}", flush=True)
            else:
                print("ok", flush=True)


main()
