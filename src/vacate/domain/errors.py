"""Everything that can go wrong, named. No class here knows a status code: each door has its own table.

A class's message is what a person reads: what happened and what to do next.
"""

import math
from collections.abc import Sequence
from datetime import timedelta

from vacate.domain.sweeps.freezing import Freeze


class VacateError(Exception):
    """The root of every error that Vacate raises on purpose."""


# --- who asks --------------------------------------------------------------------------------------------------------


class AuthenticationError(VacateError):
    """The caller could not prove who they are."""


class CredentialsMissingError(AuthenticationError):
    """Neither a signature nor a token came with the request."""

    def __init__(self) -> None:
        super().__init__("x-auth-token not found")


class SignatureInvalidError(AuthenticationError):
    """The signature does not fit the request, or the Authorization header cannot be read.

    Without a detail nothing but the signature itself was wrong: somebody may be guessing the secret key.
    """

    def __init__(self, detail: str = "") -> None:
        self.may_be_a_guess = not detail
        super().__init__("verify aksk signature fail" + (f": {detail}" if detail else ""))


class SignatureExpiredError(AuthenticationError):
    """The signing time is too far from the service's clock."""

    def __init__(self, *, signed_at: str, now: str) -> None:
        super().__init__(f"calc aksk signature fail:signature expired, signature time:{signed_at},server time:{now}")


class AccessKeyUnknownError(AuthenticationError):
    """No such access key, or it is disabled."""

    def __init__(self, access_key: str) -> None:
        super().__init__(f"ak {access_key} not exist")


class AccessKeyExpiredError(AuthenticationError):
    """The time of a temporary access key is over."""

    def __init__(self, *, expires_at: str) -> None:
        super().__init__(f"the temporary access key expired, expires_at: {expires_at}; get a new one")


class AccessKeyLockedError(AuthenticationError):
    """Too many wrong signatures in a row: the access key is locked for a while, also for its owner."""

    def __init__(self) -> None:
        super().__init__("AK access failed to reach the limit,forbidden.")


class SecurityTokenInvalidError(AuthenticationError):
    """A temporary access key came without its own X-Security-Token, or a permanent one came with any."""

    def __init__(self, detail: str) -> None:
        super().__init__(f"x-security-token does not fit the access key: {detail}")


class TokenInvalidError(AuthenticationError):
    """No such token, or it was revoked."""

    def __init__(self) -> None:
        super().__init__("decrypt token fail")


class TokenExpiredError(AuthenticationError):
    """The token's 24 hours are over."""

    def __init__(self, *, expires_at: str) -> None:
        super().__init__(f"token expires, expires_at: {expires_at}")


class PasswordInvalidError(AuthenticationError):
    """User, domain or password is wrong; which one is not said."""

    def __init__(self) -> None:
        super().__init__("The username or password is wrong.")


class UserLockedError(AuthenticationError):
    """Too many wrong passwords in a row: the user name is locked for a while, also for its owner."""

    def __init__(self) -> None:
        super().__init__("The account is locked.")


class ThrottledError(VacateError):
    """Too many requests at once from one caller.

    `retry_after` is when the next one has a chance.
    """

    def __init__(self, retry_after: timedelta, reason: str = "too many requests at once; try again") -> None:
        self.retry_after = retry_after
        super().__init__(f"{reason} in {math.ceil(retry_after.total_seconds())} s")


class RequestRepeatedError(AuthenticationError):
    """A signed request that changes something was received before: somebody may have recorded it."""

    def __init__(self, *, first_seen: str) -> None:
        super().__init__(
            f"verify aksk signature fail: this very request was received before, at {first_seen}, and counts once; "
            "sign it again"
        )


class ProjectMismatchError(VacateError):
    """The credential does not belong to the project in the path."""

    def __init__(self) -> None:
        super().__init__("the credential does not belong to this project")


class PermissionDeniedError(VacateError):
    """The actor's role in the project is too low."""

    def __init__(self, *, role: str, permission: str) -> None:
        super().__init__(f"role {role!r} may not {permission}; ask an administrator for a higher role in this project")


# --- what was named --------------------------------------------------------------------------------------------------


class InstanceUnknownError(VacateError):
    """No such instance in the project. An instance of another project answers the same."""

    def __init__(self) -> None:
        super().__init__("no such instance in this project")


class NodeUnknownError(VacateError):
    """The node is not one of the instance's."""

    def __init__(self) -> None:
        super().__init__("the node does not belong to the instance")


class ComponentUnknownError(VacateError):
    """The component is not deployed on the node."""

    def __init__(self) -> None:
        super().__init__("the component is not deployed on the node")


class PlanUnknownError(VacateError):
    """No such plan in the project. A plan of another project answers the same."""

    def __init__(self) -> None:
        super().__init__("no such plan in this project; plans are forgotten some time after they expired")


class PlanDiffersError(VacateError):
    """The digest is not that of the plan: the caller has seen another one."""

    def __init__(self) -> None:
        super().__init__("the digest is not this plan's; read the plan again, and apply what you have read")


class PlanExpiredError(VacateError):
    """The plan's time is over; what it saw may not be so any more."""

    def __init__(self, *, expired_at: str) -> None:
        super().__init__(f"the plan expired at {expired_at}; make a new one")


class PlanSpentError(VacateError):
    """The plan was applied once, and no plan is applied twice."""

    def __init__(self, *, by: str, at: str) -> None:
        super().__init__(f"the plan is applied already, by {by} since {at}, and none is applied twice; make a new one")


class PlanNotRunningError(VacateError):
    """Only a plan that is being applied can be stopped."""

    def __init__(self, *, stage: str) -> None:
        super().__init__(f"the plan is {stage}; only one that is being applied can be stopped")


class SessionUnknownError(VacateError):
    """The component has no such session now."""

    def __init__(self) -> None:
        super().__init__("the component has no such session now; the audit may say what became of it")


# --- the component's server ------------------------------------------------------------------------------------------


class ComponentUnreachableError(VacateError):
    """The component's server does not answer, or the link to it broke."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"the component cannot be reached: {reason}")


class ComponentFailedError(ComponentUnreachableError):
    """Something that nobody foresaw happened while a component's server was asked. The log has the details."""

    def __init__(self, error: Exception) -> None:
        super().__init__(f"something unforeseen happened ({type(error).__name__}); Vacate's log has the details")


class ComponentBusyError(VacateError):
    """Another sweep, or a read, on the same component is still under way."""

    def __init__(self) -> None:
        super().__init__("another call is at work on this component; try again when it has ended")


class KillsFrozenError(VacateError):
    """Somebody turned the freeze switch, so nobody's session is ended."""

    def __init__(self, freeze: Freeze) -> None:
        self.freeze = freeze
        super().__init__(f"nothing is ended while kills are frozen ({freeze}); to allow them run: {freeze.thawed_by}")


class MissingRightsError(VacateError):
    """Vacate's own database role cannot see or signal what the operation needs."""

    def __init__(self, remedies: Sequence[str]) -> None:
        self.remedies = tuple(remedies)
        super().__init__("Vacate's database role lacks rights; as a superuser run: " + " ".join(self.remedies))


class WrongServerError(VacateError):
    """The server behind the address is not the one that the component is pinned to."""

    def __init__(self, detail: str) -> None:
        super().__init__(f"the server is not the one configured for this component: {detail}; nothing was ended")


class UnsupportedServerError(VacateError):
    """The server's version has no statement of ours."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)


# --- our own state ---------------------------------------------------------------------------------------------------


class AuditUnavailableError(VacateError):
    """The audit cannot be written, therefore nothing is ended."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"the audit cannot be written, so nothing was ended: {reason}")


class StoreUnavailableError(VacateError):
    """Vacate's own store does not answer."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"Vacate's store cannot be used: {reason}")


class CriteriaError(VacateError):
    """What was written about sessions cannot be used; the message names the place."""


class SettingsError(VacateError):
    """The configuration cannot be used; the message names the place."""


class SettingsMistakesError(SettingsError):
    """The configuration has mistakes; the message is a line for each."""

    def __init__(self, mistakes: Sequence[str]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(self.mistakes))
