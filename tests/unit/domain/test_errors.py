"""What a person reads when something goes wrong, word for word: what happened, and what to do next.

Clients of the compatible interfaces look for some of these words, so even their odd spelling stays.
"""

from datetime import UTC, datetime, timedelta

import pytest

from vacate.domain import errors
from vacate.domain.sweeps.freezing import Freeze

FREEZE = Freeze(instance_id=None, by="olga", reason="month end", since=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (errors.CredentialsMissingError(), "x-auth-token not found"),
        (errors.SignatureInvalidError(), "verify aksk signature fail"),
        (errors.SignatureInvalidError("no date"), "verify aksk signature fail: no date"),
        (
            errors.SignatureExpiredError(signed_at="20260102T030405Z", now="20260102T040405Z"),
            "calc aksk signature fail:signature expired, signature time:20260102T030405Z,server time:20260102T040405Z",
        ),
        (errors.AccessKeyUnknownError("AK1"), "ak AK1 not exist"),
        (
            errors.AccessKeyExpiredError(expires_at="2026-01-02T03:04:05Z"),
            "the temporary access key expired, expires_at: 2026-01-02T03:04:05Z; get a new one",
        ),
        (errors.AccessKeyLockedError(), "AK access failed to reach the limit,forbidden."),
        (errors.SecurityTokenInvalidError("none came"), "x-security-token does not fit the access key: none came"),
        (errors.TokenInvalidError(), "decrypt token fail"),
        (
            errors.TokenExpiredError(expires_at="2026-01-02T03:04:05Z"),
            "token expires, expires_at: 2026-01-02T03:04:05Z",
        ),
        (errors.PasswordInvalidError(), "The username or password is wrong."),
        (errors.UserLockedError(), "The account is locked."),
    ],
)
def test_who_is_not_let_in_reads_why(error: errors.AuthenticationError, words: str) -> None:
    assert str(error) == words


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (errors.ThrottledError(timedelta(seconds=2)), "too many requests at once; try again in 2 s"),
        (errors.ProjectMismatchError(), "the credential does not belong to this project"),
        (
            errors.PermissionDeniedError(role="viewer", permission="kill"),
            "role 'viewer' may not kill; ask an administrator for a higher role in this project",
        ),
        (errors.InstanceUnknownError(), "no such instance in this project"),
        (errors.NodeUnknownError(), "the node does not belong to the instance"),
        (errors.ComponentUnknownError(), "the component is not deployed on the node"),
        (
            errors.PlanUnknownError(),
            "no such plan in this project; plans are forgotten some time after they expired",
        ),
        (
            errors.PlanDiffersError(),
            "the digest is not this plan's; read the plan again, and apply what you have read",
        ),
        (
            errors.PlanExpiredError(expired_at="2026-01-02T03:04:05Z"),
            "the plan expired at 2026-01-02T03:04:05Z; make a new one",
        ),
        (
            errors.PlanSpentError(by="olga", at="2026-01-02T03:04:05Z"),
            (
                "the plan is applied already, by olga since 2026-01-02T03:04:05Z, and none is applied twice; "
                "make a new one"
            ),
        ),
        (
            errors.PlanNotRunningError(stage="planned"),
            "the plan is planned; only one that is being applied can be stopped",
        ),
        (
            errors.SessionUnknownError(),
            "the component has no such session now; the audit may say what became of it",
        ),
    ],
)
def test_who_may_not_or_names_what_is_not_there_reads_why(error: errors.VacateError, words: str) -> None:
    assert str(error) == words


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (errors.ComponentUnreachableError("refused"), "the component cannot be reached: refused"),
        (
            errors.ComponentBusyError(),
            "another call is at work on this component; try again when it has ended",
        ),
        (
            errors.KillsFrozenError(FREEZE),
            (
                "nothing is ended while kills are frozen (all instances, since 2026-01-02 03:04:05 UTC, by olga: month "
                "end); to allow them run: vacate freeze off"
            ),
        ),
        (
            errors.MissingRightsError(["GRANT pg_monitor TO vacate;", "GRANT pg_signal_backend TO vacate;"]),
            (
                "Vacate's database role lacks rights; as a superuser run: GRANT pg_monitor TO vacate; "
                "GRANT pg_signal_backend TO vacate;"
            ),
        ),
        (
            errors.WrongServerError("another port"),
            "the server is not the one configured for this component: another port; nothing was ended",
        ),
        (errors.UnsupportedServerError("PostgreSQL 9 is too old"), "PostgreSQL 9 is too old"),
        (errors.AuditUnavailableError("disk full"), "the audit cannot be written, so nothing was ended: disk full"),
        (errors.StoreUnavailableError("locked"), "Vacate's store cannot be used: locked"),
    ],
)
def test_what_fails_by_itself_says_what_was_not_done_and_what_helps(error: errors.VacateError, words: str) -> None:
    assert str(error) == words


def test_a_signature_may_be_a_guess_only_where_nothing_else_was_wrong() -> None:
    assert errors.SignatureInvalidError().may_be_a_guess is True
    assert errors.SignatureInvalidError("no date").may_be_a_guess is False


@pytest.mark.parametrize(
    ("wait", "seconds"),
    [
        (timedelta(microseconds=1), 1),
        (timedelta(seconds=1), 1),
        (timedelta(seconds=1, microseconds=1), 2),
        (timedelta(minutes=1, seconds=59.5), 120),
    ],
)
def test_who_waits_as_long_as_told_does_not_come_too_early(wait: timedelta, seconds: int) -> None:
    throttled = errors.ThrottledError(wait)
    assert throttled.retry_after == wait <= timedelta(seconds=seconds)
    assert str(throttled).endswith(f"try again in {seconds} s")


def test_what_a_door_may_want_to_tell_apart_is_there_beside_the_words() -> None:
    assert errors.ComponentUnreachableError("refused").reason == "refused"
    assert errors.KillsFrozenError(FREEZE).freeze is FREEZE
    assert errors.MissingRightsError(["GRANT a TO b;"]).remedies == ("GRANT a TO b;",)
