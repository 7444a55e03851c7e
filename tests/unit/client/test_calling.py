"""How calls are made: what is sent again and what never, signing in, errors with advice, no secret shown."""

import logging
from datetime import timedelta

import pytest

from tests.unit.client.rehearsed import AT, ENDPOINT, KEY, PROJECT, REQUEST_ID, SECRET, Rehearsed, answer, refusal
from vacate.api.admin.errors import ERRORS as ADMINISTRATION
from vacate.api.admin.examples import APPLIED, APPLYING, OPEN
from vacate.api.admin.plan_rows import plan_answer
from vacate.api.gaussdb_v3.errors import ERRORS as SESSION_CALLS
from vacate.api.iam_v3.errors import ERRORS as SIGN_IN
from vacate.client import (
    AccessKey,
    AsyncClient,
    Client,
    ClientError,
    ConflictError,
    ExpiredError,
    InvalidRequestError,
    NoAnswerError,
    NotAuthenticatedError,
    NotFoundError,
    NotPermittedError,
    Password,
    PlanStage,
    RefusedError,
    Retries,
    ServiceFailedError,
    Target,
    Token,
    TooManyRequestsError,
    UnavailableError,
    UnreachableError,
    UnreadableAnswerError,
)
from vacate.client.advice import ADVICE
from vacate.client.exchange import Answer, Unanswered
from vacate.domain.errors import VacateError
from vacate.http.app import NO_SUCH_API
from vacate.http.envelope import NOT_UNDERSTOOD, UNFORESEEN

COMPONENT = Target(instance_id="i", node_id="n", component_id="cn_5001")
OVERVIEW = {"active_num": "1", "total_num": "2", "slow_sql_num": "0", "lock_num": "0"}
DONE = {"success": True}
LOST = Unanswered(problem="the connection broke", sent=True)
REFUSED = Unanswered(problem="nobody listens", sent=False)
PLAN = plan_answer(OPEN)
OTHER_HALF = "what goes with the key"
WHO = Password(user="olga", password=SECRET)


def signed_in(value: str = "one") -> Answer:
    ends = AT + timedelta(hours=24)
    user = {"id": "u", "name": "olga", "domain": {"id": "default", "name": "default"}}
    token_told = {"methods": ["password"], "issued_at": AT.isoformat(), "expires_at": ends.isoformat(), "user": user}
    return answer({"token": token_told}, status=201, x_subject_token=value)


# --- what is sent again ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "passing", [refusal(503), refusal(502), refusal(504), refusal(429, "APIGW.0308"), LOST, REFUSED], ids=str
)
def test_a_call_that_changes_nothing_is_sent_again_after_what_passes(passing: Answer | Unanswered) -> None:
    client = Rehearsed(passing, passing, answer(OVERVIEW))
    assert client.session_overview("i").total_num == "2"
    assert client.pauses == [0.25, 0.5]


def test_a_call_that_changes_nothing_is_given_up_in_the_end() -> None:
    client = Rehearsed(LOST, LOST, LOST, LOST)
    with pytest.raises(NoAnswerError, match="it changes nothing: call again"):
        client.session_overview("i")
    assert len(client.sent) == 3


@pytest.mark.parametrize("lasting", [refusal(500), refusal(400), refusal(401), refusal(404), refusal(409)], ids=str)
def test_a_refusal_that_lasts_is_not_met_again(lasting: Answer) -> None:
    client = Rehearsed(lasting, answer(OVERVIEW))
    with pytest.raises(RefusedError):
        client.session_overview("i")
    assert len(client.sent) == 1


@pytest.mark.parametrize("reply", [refusal(503), refusal(429, retry_after="1"), LOST, REFUSED], ids=str)
@pytest.mark.parametrize(
    "name", ["kill_idle_sessions", "kill_sessions", "kill_transactions", "apply_plan", "make_plan"]
)
def test_a_call_that_changes_something_is_never_sent_again(name: str, reply: Answer | Unanswered) -> None:
    client = Rehearsed(reply, answer(DONE), answer(DONE))
    arguments: dict[str, tuple[object, ...]] = {
        "kill_idle_sessions": (COMPONENT,),
        "kill_sessions": (COMPONENT, [4711]),
        "kill_transactions": (COMPONENT, [4711]),
        "apply_plan": (PLAN,),
        "make_plan": (),
    }
    with pytest.raises(ClientError):
        getattr(client, name)(*arguments[name])
    assert len(client.sent) == 1
    assert client.pauses == []


def test_the_service_says_how_long_to_wait() -> None:
    dated = refusal(503, retry_after="Fri, 02 Jan 2026 03:04:18 GMT")
    client = Rehearsed(refusal(429, retry_after="7"), dated, answer(OVERVIEW))
    client.session_overview("i")
    assert client.pauses == [7.0, 6.0]


def test_a_wait_that_is_too_long_is_the_callers_to_decide() -> None:
    client = Rehearsed(refusal(429, "APIGW.0308", retry_after="31"))
    with pytest.raises(TooManyRequestsError) as refused:
        client.session_overview("i")
    assert refused.value.retry_after == timedelta(seconds=31)
    assert client.pauses == []


@pytest.mark.parametrize("text", ["soon", "", "-1", "1e3", "Thu, 32 Jan 2026 03:04:05 GMT", "9" * 40])
def test_a_wait_that_cannot_be_read_is_none(text: str) -> None:
    client = Rehearsed(refusal(503, retry_after=text), answer(OVERVIEW))
    client.session_overview("i")
    assert client.pauses == [0.25]


def test_each_attempt_is_signed_anew() -> None:
    client = Rehearsed(refusal(429, retry_after="1"), answer(OVERVIEW))
    client.session_overview("i")
    first, second = client.sent
    assert first.headers["X-Sdk-Date"] != second.headers["X-Sdk-Date"]
    assert first.headers["Authorization"] != second.headers["Authorization"]


def test_nothing_is_sent_again_for_who_does_not_want_it() -> None:
    client = Rehearsed(refusal(503), answer(OVERVIEW), retries=Retries(at_most=0))
    with pytest.raises(UnavailableError):
        client.session_overview("i")


# --- lists -----------------------------------------------------------------------------------------------------------


def test_the_pages_of_a_list_are_fetched_as_they_are_wanted() -> None:
    shares = [{"name": f"u{number}", "active_num": "0", "total_num": "1"} for number in range(3)]
    first = answer({"total": 3, "statistics_list": shares[:2]})
    second = answer({"total": 3, "statistics_list": shares[2:]})
    client = Rehearsed(first, second)
    found = client.session_statistics("i", "user")
    assert client.sent == []
    assert next(found).name == "u0"
    assert len(client.sent) == 1
    assert [share.name for share in found] == ["u1", "u2"]
    assert "offset" not in client.sent[0].url
    assert "offset=2" in client.sent[1].url


def test_a_list_that_shrinks_between_two_pages_ends() -> None:
    share = {"name": "u", "active_num": "0", "total_num": "1"}
    client = Rehearsed(answer({"total": 5, "statistics_list": [share]}), answer({"total": 1, "statistics_list": []}))
    assert len(list(client.session_statistics("i", "user"))) == 1


def test_the_audit_is_searched_to_its_end() -> None:
    client = Rehearsed(answer({"events": [], "next": 42}), answer({"events": [], "next": None}))
    assert list(client.search_audit(user="app")) == []
    assert "before_id" not in client.sent[0].url
    assert "before_id=42" in client.sent[1].url


# --- applying a plan -------------------------------------------------------------------------------------------------


def test_a_plan_that_is_applied_is_looked_at_until_it_ends() -> None:
    under_way, ended = answer(plan_answer(APPLYING), status=202), answer(plan_answer(APPLIED))
    client = Rehearsed(under_way, under_way, ended)
    state = client.apply_plan(PLAN, wait=timedelta(minutes=2))
    assert state.stage is PlanStage.APPLIED
    assert [request.method for request in client.sent] == ["POST", "GET", "GET"]
    assert client.pauses == [1.0, 1.0]


def test_a_plan_that_does_not_end_in_time_is_told_as_it_stands() -> None:
    client = Rehearsed(*[answer(plan_answer(APPLYING), status=202)] * 5)
    state = client.apply_plan(PLAN, wait=timedelta(seconds=2.5))
    assert state.stage is PlanStage.APPLYING
    assert client.pauses == [1.0, 1.0, 0.5]


def test_the_service_is_not_asked_to_wait_for_longer_than_the_client_does() -> None:
    client = Rehearsed(answer(plan_answer(APPLIED)), timeout=timedelta(seconds=10))
    client.apply_plan(PLAN, wait=timedelta(minutes=2))
    assert b'"wait_seconds":5' in client.sent[0].body


# --- signing in ------------------------------------------------------------------------------------------------------


def test_a_password_is_sent_once_and_the_token_is_used_until_shortly_before_its_end() -> None:
    client = Rehearsed(
        signed_in(), answer(OVERVIEW), answer(OVERVIEW), signed_in("two"), answer(OVERVIEW), credentials=WHO
    )
    client.session_overview("i")
    client.session_overview("i")
    client.at += timedelta(hours=23, minutes=56)
    client.session_overview("i")
    assert [request.headers.get("X-Auth-Token") for request in client.sent] == [
        None,
        "one",
        "one",
        None,
        "two",
    ]


def test_a_token_that_is_refused_is_not_used_again() -> None:
    client = Rehearsed(signed_in(), refusal(401, "APIGW.0307"), signed_in("two"), answer(OVERVIEW), credentials=WHO)
    with pytest.raises(NotAuthenticatedError):
        client.session_overview("i")
    client.session_overview("i")
    assert client.sent[-1].headers["X-Auth-Token"] == "two"


def test_a_client_that_signed_in_by_itself_signs_out_when_it_is_closed() -> None:
    client = Rehearsed(signed_in(), answer(OVERVIEW), answer(status=204), credentials=WHO)
    with client:
        client.session_overview("i")
    last = client.sent[-1]
    assert (last.method, last.headers["X-Subject-Token"]) == ("DELETE", "one")


def test_a_sign_out_that_fails_hides_nothing() -> None:
    client = Rehearsed(signed_in(), refusal(409), REFUSED, credentials=WHO)
    with pytest.raises(ConflictError), client:
        client.kill_idle_sessions(COMPONENT)


def test_a_token_of_somebody_elses_is_not_revoked() -> None:
    with Rehearsed(answer(OVERVIEW), credentials=Token(value="given")) as client:
        client.session_overview("i")
    assert len(client.sent) == 1


def test_a_temporary_key_signs_and_carries_its_token() -> None:
    temporary = AccessKey(access_key="TEMP", secret_key=SECRET, security_token=OTHER_HALF)
    client = Rehearsed(answer(OVERVIEW), credentials=temporary)
    client.session_overview("i")
    (request,) = client.sent
    assert request.headers["X-Security-Token"] == OTHER_HALF
    assert "x-security-token" in request.headers["Authorization"]


# --- errors ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, InvalidRequestError),
        (401, NotAuthenticatedError),
        (403, NotPermittedError),
        (404, NotFoundError),
        (408, InvalidRequestError),
        (409, ConflictError),
        (410, ExpiredError),
        (413, InvalidRequestError),
        (418, RefusedError),
        (429, TooManyRequestsError),
        (500, ServiceFailedError),
        (503, UnavailableError),
        (599, ServiceFailedError),
    ],
)
def test_a_refusal_has_a_class_a_code_the_words_the_id_and_what_to_do(status: int, kind: type[RefusedError]) -> None:
    client = Rehearsed(refusal(status, "DBS.200019", "Another operation is being performed."))
    with pytest.raises(kind) as refused:
        client.kill_idle_sessions(COMPONENT)
    error = refused.value
    assert type(error) is kind
    assert (error.status, error.code, error.request_id) == (status, "DBS.200019", REQUEST_ID)
    assert error.advice == ADVICE["DBS.200019"]
    for part in (error.message, error.code, error.request_id, error.advice, str(status)):
        assert part in str(error)


def test_every_code_that_the_service_has_has_advice_and_no_other_has() -> None:
    rows = (row for table in (SESSION_CALLS, SIGN_IN, ADMINISTRATION) for row in table.values())
    assert {row.code for row in (*rows, NO_SUCH_API, NOT_UNDERSTOOD, UNFORESEEN)} == ADVICE.keys()


def test_what_answers_in_place_of_the_service_is_quoted_safely() -> None:
    page = Answer(status=502, headers={}, body=b"<html>\x1b[2J" + b"x" * 5000)
    with pytest.raises(UnavailableError) as refused:
        Rehearsed(page).kill_idle_sessions(COMPONENT)
    assert refused.value.code == ""
    assert "\x1b" not in str(refused.value)
    assert len(str(refused.value)) < 500


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"success": "yes"}', b"\xff", b"[" * 100_000])
def test_an_answer_of_something_else_is_told_as_such(body: bytes) -> None:
    with pytest.raises(UnreadableAnswerError):
        Rehearsed(Answer(status=200, headers={}, body=body)).kill_idle_sessions(COMPONENT)


def test_an_address_that_redirects_is_not_followed() -> None:
    client = Rehearsed(Answer(status=301, headers={"location": "https://elsewhere.test/"}))
    with pytest.raises(UnreadableAnswerError, match="redirects"):
        client.kill_idle_sessions(COMPONENT)
    assert len(client.sent) == 1


def test_a_kill_without_an_answer_says_where_its_fate_is_written() -> None:
    with pytest.raises(NoAnswerError, match="search_audit"):
        Rehearsed(LOST).kill_idle_sessions(COMPONENT)


def test_a_kill_that_was_not_sent_says_so() -> None:
    with pytest.raises(UnreachableError, match="nobody listens"):
        Rehearsed(REFUSED).kill_idle_sessions(COMPONENT)


def test_every_error_has_the_one_root() -> None:
    assert issubclass(ClientError, VacateError)
    assert issubclass(RefusedError, ClientError)


# --- addresses and secrets -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "vacate.example",
        "ftp://x",
        "https://",
        "https://olga@x",
        "https://x/v3",
        "https://x?y",
        "https://x#y",
        "http://é",
    ],
)
def test_an_address_that_is_none_of_a_service_is_refused_at_once(address: str) -> None:
    with pytest.raises(ValueError, match="address of a service"):
        Client(address, project_id=PROJECT, credentials=KEY)


def test_a_slash_behind_the_address_is_none_of_it() -> None:
    assert Client(f"{ENDPOINT}/", project_id=PROJECT, credentials=KEY).endpoint == ENDPOINT


def test_nothing_that_is_shown_tells_a_secret(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    client = Rehearsed(signed_in(SECRET), refusal(401, "APIGW.0301"), credentials=WHO)
    with pytest.raises(NotAuthenticatedError) as refused:
        client.session_overview("i")
    temporary = AccessKey(access_key="A", secret_key=SECRET, security_token=SECRET)
    shown = [
        refused.value,
        client,
        client.sent,
        signed_in(SECRET),
        WHO,
        temporary,
        Token(value=SECRET),
        Rehearsed(signed_in(SECRET)).sign_in(WHO),
        Client(ENDPOINT, project_id=PROJECT, credentials=temporary),
        AsyncClient(ENDPOINT, project_id=PROJECT, credentials=temporary),
    ]
    assert [each for each in shown if SECRET in repr(each) + str(each)] == []
    assert SECRET not in caplog.text
