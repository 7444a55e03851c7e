"""Finding one's way: which projects are told to whom, under which addresses, and what clients are told otherwise."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from tests.support.fakes import actor
from tests.support.place import OTHER_PROJECT, PROJECT
from tests.unit.http.asgi import Answer, call
from tests.unit.http.test_sign_in import Cashier, door
from vacate.domain.access.identity import Actor, Grant, Role
from vacate.domain.errors import ThrottledError
from vacate.operations.access.ports import Presented, Region

NORTH = Grant(project_id=PROJECT, role=Role.OPERATOR)
SOUTH = Grant(project_id=OTHER_PROJECT, role=Role.VIEWER)
REGIONS = (Region(id="north-1", name="North", endpoint="https://north.example.net"), Region(id="south-1"))
HOST = (b"host", b"vacate.test:8686")


@dataclass(kw_only=True)
class Sender:
    """Whoever asks is this one."""

    grants: tuple[Grant, ...] = (NORTH, SOUTH)
    refused_with: Exception | None = None
    asked: list[Presented] = field(default_factory=list[Presented])

    async def authenticate(self, request: Presented, *, once: bool = False) -> Actor:
        del once
        self.asked.append(request)
        if self.refused_with:
            raise self.refused_with
        return replace(actor(), grants=self.grants, user_id="u1", user_name="olga", domain="acme")


async def get(
    path: bytes,
    sender: Sender | None = None,
    *,
    headers: tuple[tuple[bytes, bytes], ...] = (HOST,),
    regions: Sequence[Region] = REGIONS,
    endpoint: str = "",
) -> Answer:
    made = door(sender or Sender(), Cashier(), regions=regions, endpoint=endpoint)
    answer = await call(made, "GET", path, headers=headers)
    assert answer.headers["x-iam-trace-id"] == answer.headers["x-request-id"]
    return answer


async def names(query: bytes, sender: Sender | None = None) -> list[str]:
    answer = await get(b"/v3/projects" + query, sender)
    assert answer.status == 200, answer.body
    return [project["name"] for project in answer.json["projects"]]


# --- projects --------------------------------------------------------------------------------------------------------


async def test_a_project_is_found_by_the_name_of_its_region() -> None:
    answer = await get(b"/v3/projects?name=north-1")
    assert answer.json == {
        "projects": [
            {
                "id": PROJECT,
                "name": "north-1",
                "domain_id": "default",
                "parent_id": "default",
                "links": {"self": f"http://vacate.test:8686/v3/projects/{PROJECT}"},
                "is_domain": False,
                "enabled": True,
                "description": "",
            }
        ],
        "links": {"self": "http://vacate.test:8686/v3/projects", "previous": None, "next": None},
    }


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (b"", ["north-1", "south-1"]),
        (b"?name=south-1", ["south-1"]),
        (b"?name=North-1", []),
        (b"?name=north", []),
        (b"?name=", []),
        (b"?name=null", []),
        (b"?name=north%2D1", ["north-1"]),
        (b"?domain_id=acme", ["south-1"]),
        (b"?parent_id=default", ["north-1"]),
        (b"?domain_id=acme&name=north-1", []),
        (b"?enabled=true", ["north-1", "south-1"]),
        (b"?enabled=false", []),
        (b"?is_domain=false", ["north-1", "south-1"]),
        (b"?is_domain=true", []),
        (b"?page=1&per_page=1", ["north-1"]),
        (b"?page=2&per_page=1", ["south-1"]),
        (b"?page=3&per_page=1", []),
        (b"?marker=anything", ["north-1", "south-1"]),
    ],
)
async def test_projects_can_be_filtered_and_paged(query: bytes, found: list[str]) -> None:
    assert await names(query) == found


@pytest.mark.parametrize(
    "query", [b"?page=0", b"?per_page=0", b"?per_page=5001", b"?page=one", b"?enabled=perhaps", b"?name=" + b"x" * 129]
)
async def test_a_parameter_that_is_none_is_named(query: bytes) -> None:
    answer = await get(b"/v3/projects" + query)
    assert answer.refusal == (400, "IAM.0007")
    assert query[1:].partition(b"=")[0].decode() in answer.json["error_msg"]


@pytest.mark.parametrize("path", [b"/v3/projects", b"/v3/auth/projects", b"/v3/projects?name=south-1"])
async def test_not_a_word_is_said_of_projects_without_a_role(path: bytes) -> None:
    answer = await get(path, Sender(grants=(NORTH,)))
    assert OTHER_PROJECT.encode() not in answer.body
    assert b'"name":"south-1"' not in answer.body


async def test_the_senders_own_projects_are_listed() -> None:
    answer = await get(b"/v3/auth/projects")
    assert [project["id"] for project in answer.json["projects"]] == [PROJECT, OTHER_PROJECT]
    assert answer.json["links"]["self"] == "http://vacate.test:8686/v3/auth/projects"


async def test_who_wants_to_make_a_project_is_told_what_to_do_instead() -> None:
    answer = await call(door(Sender(), Cashier()), "POST", b"/v3/projects", headers=[HOST])
    assert answer.refusal == (403, "IAM.0003")
    assert "vacate.toml" in answer.json["error_msg"]


# --- domains, regions, oneself ---------------------------------------------------------------------------------------


async def test_the_senders_own_domain_is_told() -> None:
    (domain,) = (await get(b"/v3/auth/domains")).json["domains"]
    assert (domain["id"], domain["name"], domain["enabled"]) == ("acme", "acme", True)


async def test_the_sender_is_told_who_they_are() -> None:
    assert (await get(b"/v5/caller-identity")).json == {
        "account_id": "acme",
        "principal_id": "u1",
        "principal_urn": "iam::acme:user:olga",
    }


async def test_regions_are_those_of_the_configuration() -> None:
    regions = (await get(b"/v3/regions")).json["regions"]
    assert [(region["id"], region["type"]) for region in regions] == [("north-1", "public"), ("south-1", "public")]
    assert regions[0]["locales"] == {"en-us": "North", "zh-cn": "North"}
    assert regions[1]["locales"]["en-us"] == "south-1"
    assert (await get(b"/v3/regions", regions=())).json["regions"] == []


# --- the catalog -----------------------------------------------------------------------------------------------------


def places(answer: Answer) -> dict[str, tuple[str, str]]:
    services = answer.json["catalog"]
    return {s["type"]: (s["endpoints"][0]["region"], s["endpoints"][0]["url"]) for s in services}


# Under both names, since clients look for one or the other.
SIGNING_IN = {"iam", "identity"}


async def test_the_catalog_has_the_databases_of_the_only_project() -> None:
    assert places(await get(b"/v3/auth/catalog", Sender(grants=(NORTH,)))) == {
        "iam": ("*", "http://vacate.test:8686/v3"),
        "identity": ("*", "http://vacate.test:8686/v3"),
        "gaussdb-opengauss": ("north-1", f"https://north.example.net/v3/{PROJECT}"),
    }
    assert places(await get(b"/v3/auth/catalog", Sender(grants=(SOUTH,))))["gaussdb-opengauss"] == (
        "*",
        f"http://vacate.test:8686/v3/{OTHER_PROJECT}",
    )


async def test_of_several_projects_the_catalog_is_about_the_one_that_is_named() -> None:
    assert set(places(await get(b"/v3/auth/catalog"))) == SIGNING_IN
    named = (HOST, (b"x-project-id", OTHER_PROJECT.encode()))
    assert places(await get(b"/v3/auth/catalog", headers=named))["gaussdb-opengauss"][1].endswith(OTHER_PROJECT)
    # Naming a project opens none.
    stranger = await get(b"/v3/auth/catalog", Sender(grants=(NORTH,)), headers=named)
    assert set(places(stranger)) == SIGNING_IN


@pytest.mark.parametrize(
    ("headers", "endpoint", "base"),
    [
        ((HOST,), "https://vacate.example.net", "https://vacate.example.net"),
        ((), "https://vacate.example.net", "https://vacate.example.net"),
        ((HOST,), "", "http://vacate.test:8686"),
        (((b"host", b"[::1]:8686"),), "", "http://[::1]:8686"),
        ((), "", None),
        ((HOST, HOST), "", None),
        (((b"host", b'x"/><script>'),), "", None),
        (((b"host", b"\xff"),), "", None),
    ],
)
async def test_addresses_are_the_configured_ones_or_those_that_the_caller_used(
    headers: tuple[tuple[bytes, bytes], ...], endpoint: str, base: str | None
) -> None:
    answer = await get(b"/v3/auth/catalog", headers=headers, endpoint=endpoint)
    assert places(answer) == (dict.fromkeys(SIGNING_IN, ("*", f"{base}/v3")) if base else {})
    assert answer.json["links"]["self"] == f"{base or ''}/v3/auth/catalog"


# --- every call ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("wait", "header"), [(0.001, "1"), (1.0, "1"), (1.2, "2"), (30.0, "30")])
async def test_who_is_throttled_is_told_when_to_come_back(wait: float, header: str) -> None:
    answer = await get(b"/v3/projects", Sender(refused_with=ThrottledError(timedelta(seconds=wait))))
    assert answer.refusal == (429, "APIGW.0308")
    assert answer.headers["retry-after"] == header


async def test_other_refusals_say_nothing_of_coming_back() -> None:
    answer = await get(b"/v3/projects?page=0")
    assert "retry-after" not in answer.headers
