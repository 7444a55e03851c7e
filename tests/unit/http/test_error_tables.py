"""Every error that can be raised has its row in each door's table, or inherits one that is named here."""

import dataclasses
import json
import re
from collections.abc import Iterator

import pytest

from vacate.api.admin import errors as admin
from vacate.api.admin.errors import ERRORS as ADMINISTRATION
from vacate.api.errors import ErrorRow, ErrorTable, row_for
from vacate.api.gaussdb_v3 import errors as gaussdb
from vacate.api.gaussdb_v3.errors import ERRORS as SESSION_CALLS
from vacate.api.iam_v3 import errors as iam
from vacate.api.iam_v3.errors import ERRORS as SIGN_IN
from vacate.domain import errors as domain
from vacate.domain.errors import VacateError
from vacate.http.answers import error_response
from vacate.http.app import NO_SUCH_API
from vacate.http.envelope import UNFORESEEN

DOORS = {"session_calls": SESSION_CALLS, "sign_in": SIGN_IN, "administration": ADMINISTRATION}

# Raised before there is a door, or by commands only; the reason beside each.
NEVER_AT_A_DOOR = {
    domain.SettingsError: "the service does not start with such a configuration",
    domain.SettingsMistakesError: "the service does not start with such a configuration",
}

# What a door answers by the row of an ancestor, on purpose.
OF_OUR_OWN_DOOR: tuple[type[VacateError], ...] = (
    domain.PlanUnknownError,
    domain.PlanDiffersError,
    domain.PlanExpiredError,
    domain.PlanSpentError,
    domain.PlanNotRunningError,
    domain.SessionUnknownError,
    domain.CriteriaError,
)
INHERITED: dict[str, dict[type[VacateError], type[VacateError]]] = {
    # Plans are made elsewhere, and an instance's own criteria are read before the service starts.
    "session_calls": {
        **dict.fromkeys(OF_OUR_OWN_DOOR, VacateError),
        domain.ComponentFailedError: domain.ComponentUnreachableError,
    },
    "sign_in": {
        domain.CredentialsMissingError: domain.AuthenticationError,
        # Nothing of a component is asked for there, and nothing is audited.
        domain.InstanceUnknownError: VacateError,
        domain.NodeUnknownError: VacateError,
        domain.ComponentUnknownError: VacateError,
        domain.ComponentUnreachableError: VacateError,
        domain.ComponentFailedError: VacateError,
        domain.ComponentBusyError: VacateError,
        domain.KillsFrozenError: VacateError,
        domain.MissingRightsError: VacateError,
        domain.WrongServerError: VacateError,
        domain.UnsupportedServerError: VacateError,
        domain.AuditUnavailableError: VacateError,
        **dict.fromkeys(OF_OUR_OWN_DOOR, VacateError),
    },
    "administration": {
        # Nobody signs in with a password there.
        domain.PasswordInvalidError: domain.AuthenticationError,
        domain.UserLockedError: domain.AuthenticationError,
        domain.ComponentFailedError: domain.ComponentUnreachableError,
        # A plan that meets a freeze says so in its components' lines.
        domain.KillsFrozenError: VacateError,
    },
}


def classes_of(module: object) -> Iterator[type[VacateError]]:
    """Every error class that a module defines itself."""
    for value in vars(module).values():
        if isinstance(value, type) and issubclass(value, VacateError) and value.__module__ == module.__name__:  # type: ignore[attr-defined]
            yield value


def concrete() -> list[type[VacateError]]:
    return [cls for cls in classes_of(domain) if cls not in NEVER_AT_A_DOOR]


def test_the_domain_was_found() -> None:
    assert len(concrete()) > 15


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("error", concrete(), ids=lambda error: error.__name__)
def test_every_error_of_the_domain_has_a_row_at_each_door_or_inherits_one_knowingly(
    error: type[VacateError], door: str
) -> None:
    table, inherited = DOORS[door], INHERITED[door]
    assert (error in table) != (error in inherited)
    if ancestor := inherited.get(error):
        assert row_for(table, error.__new__(error)) is table[ancestor]


@pytest.mark.parametrize(("module", "table"), [(gaussdb, SESSION_CALLS), (iam, SIGN_IN), (admin, ADMINISTRATION)])
def test_every_error_of_a_door_has_its_own_row_there(module: object, table: ErrorTable) -> None:
    own = set(classes_of(module))
    assert own
    assert own <= set(table)


@pytest.mark.parametrize("door", DOORS)
def test_rows_are_what_a_client_can_read(door: str) -> None:
    for row in (*DOORS[door].values(), NO_SUCH_API, UNFORESEEN):
        assert 400 <= row.status < 600
        assert re.fullmatch(r"(?:DBS|APIGW|IAM|VACATE)\.\d{4,8}", row.code)
        assert row.message
        assert row.message[-1] in ".:"


def test_a_code_of_our_own_begins_with_its_status_and_stands_for_one_thing() -> None:
    rows = [row for row in ADMINISTRATION.values() if row.code.startswith("VACATE.")]
    assert len(rows) == len(OF_OUR_OWN_DOOR) == len({row.code for row in rows})
    for row in rows:
        assert row.code.startswith(f"VACATE.{row.status}")
        assert row.chinese


def test_an_error_without_a_row_takes_its_nearest_ancestors() -> None:
    class Narrower(domain.TokenInvalidError):
        pass

    assert row_for(SESSION_CALLS, Narrower()) is SESSION_CALLS[domain.TokenInvalidError]
    assert row_for(SESSION_CALLS, gaussdb.VacateError()) is SESSION_CALLS[VacateError]


def test_a_table_without_an_ancestor_is_a_mistake_that_shows() -> None:
    with pytest.raises(LookupError, match="NodeUnknownError"):
        row_for({}, domain.NodeUnknownError())


def test_the_wrong_secret_never_gets_the_status_of_a_missing_right() -> None:
    """A client signs in anew on 401 and gives up on 403, so the two must not be mixed up."""
    for table in DOORS.values():
        for error, row in table.items():
            if issubclass(error, domain.AuthenticationError):
                assert row.status == 401, error
            elif error in {domain.ProjectMismatchError, domain.PermissionDeniedError, iam.ProjectCreationError}:
                assert row.status == 403, error
            else:
                assert row.status not in {401, 403}, error


def test_the_servers_own_failures_are_the_only_ones_with_a_status_of_500() -> None:
    servers_own = {domain.AuditUnavailableError, domain.StoreUnavailableError, VacateError}
    for table in DOORS.values():
        assert {error for error, row in table.items() if row.status >= 500} <= servers_own


def test_the_message_of_the_row_comes_first_and_says_nothing_twice() -> None:
    def message(documented: str, detail: str) -> object:
        row = ErrorRow(status=400, code="DBS.1", message=documented)
        return json.loads(bytes(error_response(row, detail, request_id="r").body))["error_msg"]

    assert message("Parameter error.", "the body is empty") == "Parameter error. The body is empty"
    assert message("Incorrect information:", "ak X not exist") == "Incorrect information: ak X not exist"
    assert message("Parameter error.", "") == "Parameter error."
    assert message("Parameter error.", "Parameter error.") == "Parameter error."


def test_a_row_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        UNFORESEEN.status = 200  # type: ignore[misc]
