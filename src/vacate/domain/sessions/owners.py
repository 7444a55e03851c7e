"""Who owns a session: the team that its application names, or that its database role belongs to."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_SEPARATORS = re.compile(r"[\s,;/()\[\]{}<>]+")
# Servers keep so many bytes of an application's name and cut off the rest.
_LONGEST_KEPT = 63


@dataclass(frozen=True, slots=True, kw_only=True)
class Ownership:
    """How owners are told.

    `tag` is the word that applications write before their owner, as in `billing owner=payments`; empty when nothing
    that an application says of itself counts. `roles` are owners by the name of a database role.
    """

    tag: str = "owner"
    roles: Mapping[str, str] = field(default_factory=dict[str, str])

    def owner_of(self, *, user: str | None, application: str | None) -> str | None:
        """The owner by the application's tag, else by the role, else `None`. Of several tags the first one counts."""
        return self._tagged(application or "") or self.roles.get(user or "")

    def _tagged(self, application: str) -> str | None:
        words = _SEPARATORS.split(application) if self.tag else []
        if len(application.encode("utf-8", "replace")) >= _LONGEST_KEPT:
            # The server may have cut the last word, and half a name could be another team's.
            words = words[:-1]
        for word in words:
            key, _, value = word.partition("=")
            if key == self.tag and value:
                return value
        return None
