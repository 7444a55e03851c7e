"""How often somebody may try to sign in."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from vacate.iam.lockout import Lockout
from vacate.iam.throttle import Throttle


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInLimits:
    """What a user name may try.

    `strangers` locks the names that no user has, so that a lock does not tell which users exist. They are remembered
    apart, because anybody can make up so many that others would be forgotten.
    """

    lockout: Lockout
    strangers: Lockout
    throttle: Throttle


def sign_in_limits(
    *, lockout_after: int, lockout_for: timedelta, per_second: int, seconds: Callable[[], float] = time.monotonic
) -> SignInLimits:
    """The limits that an administrator chose; `lockout_after=0` never locks, `per_second=0` lets all through."""
    return SignInLimits(
        lockout=Lockout(after=lockout_after, hold=lockout_for, seconds=seconds),
        strangers=Lockout(after=lockout_after, hold=lockout_for, seconds=seconds),
        throttle=Throttle(per_second=per_second),
    )
