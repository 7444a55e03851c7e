"""How the official client for Python proves who it is: every algorithm, temporary keys, and a region alone."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException, SdkException
from huaweicloudsdkcore.signer.algorithm import SigningAlgorithm

from tests.contract.calls import HERE, REQUESTS
from tests.contract.clients import Official, official_client, regional_client
from tests.contract.raw import JSON, TemporaryKey, ask, temporary_key, token_for
from tests.contract.shop import OTHER_PROJECT, OTHER_REGION, PROJECT, REGION, Shop
from tests.support.service import Key

# The official client asks for the time in a way that newer Pythons warn of, and warns of calls that it still makes.
pytestmark = [
    pytest.mark.filterwarnings(r"ignore:datetime\.datetime\.utcnow:DeprecationWarning"),
    pytest.mark.filterwarnings(r"ignore:Method 'list_instance\w+' of \w+ is deprecated:DeprecationWarning"),
]

KILL = REQUESTS["stop_free_session"](HERE)
GET_WITH_QUERY = REQUESTS["list_session_statistics"](HERE)
GET = REQUESTS["show_session_overview"](HERE)
OWN_TIME = "%Y-%m-%dT%H:%M:%S.%fZ"


def refusal(client: Official, request: object = KILL) -> tuple[int, str]:
    with pytest.raises(ClientRequestException) as error:
        client.ask(request)
    return error.value.status_code, error.value.error_code


# --- algorithms ------------------------------------------------------------------------------------------------------

every_algorithm = pytest.mark.parametrize("algorithm", SigningAlgorithm, ids=lambda algorithm: algorithm.name)


@every_algorithm
def test_every_algorithm_of_the_client_is_understood(shop: Shop, algorithm: SigningAlgorithm) -> None:
    with official_client(shop.service.endpoint, shop.operator, project=PROJECT, algorithm=algorithm) as client:
        assert client.ask(KILL).success is True
        assert client.ask(GET).status_code == 200
        assert client.ask(GET_WITH_QUERY).status_code == 200


@every_algorithm
def test_a_wrong_secret_key_is_refused_by_every_algorithm(shop: Shop, algorithm: SigningAlgorithm) -> None:
    wrong = Key(access_key=shop.operator.access_key, secret_key=shop.viewer.secret_key)
    with official_client(shop.service.endpoint, wrong, project=PROJECT, algorithm=algorithm) as client:
        assert refusal(client) == (401, "APIGW.0301")


def test_a_signature_with_a_derived_key_is_understood(shop: Shop) -> None:
    """The client needs the service's name for this, and its own builder does not know it."""
    with official_client(shop.service.endpoint, shop.operator, project=PROJECT) as client:
        credentials = client.client.get_credentials()
        credentials.with_derived_predicate(credentials.get_default_derived_predicate())
        credentials._process_derived_auth_params("gaussdb", REGION)
        assert client.ask(KILL).success is True
        assert client.ask(GET_WITH_QUERY).status_code == 200


# --- temporary keys --------------------------------------------------------------------------------------------------


@pytest.fixture
def token(shop: Shop) -> str:
    return token_for(shop.service, name="olga", password=shop.password, scope={"project": {"id": PROJECT}})


@pytest.fixture
def temporary(shop: Shop, token: str) -> TemporaryKey:
    return temporary_key(shop.service, token)


@every_algorithm
@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync_client", "async_client"])
def test_a_temporary_key_signs_like_any_other(
    shop: Shop, temporary: TemporaryKey, algorithm: SigningAlgorithm, *, asynchronous: bool
) -> None:
    with official_client(
        shop.service.endpoint,
        temporary.key,
        project=PROJECT,
        algorithm=algorithm,
        asynchronous=asynchronous,
        security_token=temporary.security_token,
    ) as client:
        assert client.ask(KILL).success is True
        assert client.ask(GET).status_code == 200


@pytest.mark.parametrize("given", [None, "", "another", "x" * 5000])
def test_a_temporary_key_without_its_token_is_refused(shop: Shop, temporary: TemporaryKey, given: str | None) -> None:
    with official_client(shop.service.endpoint, temporary.key, project=PROJECT, security_token=given) as client:
        assert refusal(client) == (401, "APIGW.0301")


def test_a_token_of_another_key_does_not_fit(shop: Shop, token: str, temporary: TemporaryKey) -> None:
    other = temporary_key(shop.service, token)
    for key in (temporary.key, shop.operator):
        with official_client(
            shop.service.endpoint, key, project=PROJECT, security_token=other.security_token
        ) as client:
            assert refusal(client) == (401, "APIGW.0301")


def test_a_temporary_key_opens_the_project_of_its_token_only(shop: Shop, temporary: TemporaryKey) -> None:
    with official_client(
        shop.service.endpoint, temporary.key, project=OTHER_PROJECT, security_token=temporary.security_token
    ) as client:
        assert refusal(client) == (403, "DBS.200010")


def test_a_temporary_key_says_when_it_ends_as_the_client_reads_it(shop: Shop, token: str) -> None:
    body = {"auth": {"identity": {"methods": ["token"], "token": {"id": token, "duration_seconds": 1800}}}}
    answer = ask(
        shop.service,
        "POST",
        "/v3.0/OS-CREDENTIAL/securitytokens",
        headers=JSON,
        body=json.dumps(body).encode(),
    )
    assert answer.status == 201
    made = answer.json["credential"]
    assert set(made) == {"access", "secret", "securitytoken", "expires_at"}
    ends = datetime.strptime(made["expires_at"], OWN_TIME).replace(tzinfo=UTC)
    assert timedelta(minutes=29) < ends - datetime.now(UTC) <= timedelta(minutes=30)


def test_a_temporary_key_ends_with_the_token_it_was_made_from(shop: Shop, token: str, temporary: TemporaryKey) -> None:
    with official_client(
        shop.service.endpoint, temporary.key, project=PROJECT, security_token=temporary.security_token
    ) as client:
        assert client.ask(GET).status_code == 200
        revoked = ask(
            shop.service, "DELETE", "/v3/auth/tokens", headers={"X-Auth-Token": token, "X-Subject-Token": token}
        )
        assert revoked.status == 204
        assert refusal(client, GET)[0] == 401


# --- a region, and nothing else --------------------------------------------------------------------------------------


@pytest.fixture
def regions(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """The environment of a user who told the client where the regions are. The client remembers what it finds."""
    for region in (REGION, OTHER_REGION):
        name = region.upper().replace("-", "_")
        monkeypatch.setenv(f"HUAWEICLOUD_SDK_REGION_GAUSSDBFOROPENGAUSS_{name}", shop.service.endpoint)
    monkeypatch.setattr(BasicCredentials, "_CACHE", {})
    return shop


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync_client", "async_client"])
@pytest.mark.parametrize("operation", REQUESTS)
def test_a_key_and_a_region_are_enough_for_every_call(
    regions: Shop, monkeypatch: pytest.MonkeyPatch, operation: str, *, asynchronous: bool
) -> None:
    monkeypatch.setenv("HUAWEICLOUD_SDK_IAM_ENDPOINT", regions.service.endpoint)
    with regional_client(REGION, regions.operator, asynchronous=asynchronous) as client:
        assert client.client.get_credentials().project_id == PROJECT
        assert client.ask(REQUESTS[operation](HERE)).status_code == 200


def test_the_place_to_ask_for_projects_may_be_named_in_the_program(regions: Shop) -> None:
    with regional_client(REGION, regions.viewer, iam_endpoint=regions.service.endpoint) as client:
        assert client.ask(GET).status_code == 200


@pytest.mark.parametrize("region", [OTHER_REGION, "nowhere-1"])
def test_a_region_without_a_project_of_the_caller_finds_none(
    regions: Shop, monkeypatch: pytest.MonkeyPatch, region: str
) -> None:
    monkeypatch.setenv("HUAWEICLOUD_SDK_REGION_GAUSSDBFOROPENGAUSS_NOWHERE_1", regions.service.endpoint)
    with (
        pytest.raises(SdkException) as error,
        regional_client(region, regions.operator, iam_endpoint=regions.service.endpoint),
    ):
        pass
    assert f"Failed to get project id of region '{region}'" in str(error.value.error_msg)


def test_a_wrong_secret_key_finds_no_project(regions: Shop) -> None:
    wrong = Key(access_key=regions.operator.access_key, secret_key="wrong")  # noqa: S106 - none
    with (
        pytest.raises(SdkException) as error,
        regional_client(REGION, wrong, iam_endpoint=regions.service.endpoint),
    ):
        pass
    assert "status_code:401" in str(error.value.error_msg)
