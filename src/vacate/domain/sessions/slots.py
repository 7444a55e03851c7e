"""How many sessions a server has room for, and how many it has."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Slots:
    """A server's slots at one moment. All are counts of sessions.

    `maximum` is the server's `max_connections`. `reserved` are those of them that only superusers, or roles with a
    right to them, may take. `used` are taken by sessions that count against the maximum; other backends do not.
    """

    maximum: int
    reserved: int
    used: int

    @property
    def free(self) -> int:
        """What is left for everybody; 0 when sessions with a right to reserved slots sit in those already."""
        return max(0, self.maximum - self.reserved - self.used)

    @property
    def used_ratio(self) -> float:
        """How full the server is; 1 means that only roles get in for which slots beyond the maximum are kept.

        PostgreSQL keeps none beyond it, so not even a superuser gets in then. openGauss does, and may be fuller than 1.
        """
        return self.used / self.maximum if self.maximum else 1.0

    def after(self, ended: int) -> "Slots":
        """The same server when so many of its sessions are gone."""
        return Slots(maximum=self.maximum, reserved=self.reserved, used=max(0, self.used - ended))
