"""What criteria and limits object by, by name."""

from enum import StrEnum


class Criterion(StrEnum):
    """Why a session is none that a sweep gives up, although no guard protects it.

    `NO_TRANSACTION` is asked of sessions that a caller named, and only it. `CHANGED_SINCE_PLANNED` is asked of the
    victims of a plan when it is applied. From `GROUP_UNKNOWN` on they are limits: asked of sessions that nothing else
    spares.
    """

    NOT_IDLE = "not_idle"
    TOO_FRESH = "too_fresh"
    NOT_SELECTED = "not_selected"
    NO_TRANSACTION = "no_transaction"
    CHANGED_SINCE_PLANNED = "changed_since_planned"
    GROUP_UNKNOWN = "group_unknown"
    KEPT_YOUNGEST = "kept_youngest"
    OVER_THE_COUNT = "over_the_count"
    OVER_THE_SHARE = "over_the_share"
    SURVIVOR = "survivor"
