"""Which components can be swept, and why others cannot: told to those who have a role in the project."""

from dataclasses import replace

from tests.support.place import PROJECT
from tests.unit.http.admin_door import Operations
from vacate.api.gaussdb_v3.examples import STATE
from vacate.domain.errors import ProjectMismatchError

WORDS = 'no login on 10.0.0.7: password authentication failed for user "vacate"'
FIRST, *OTHERS = STATE.components
BROKEN = replace(STATE, components=(replace(FIRST, problem=WORDS), *OTHERS))


async def test_every_component_is_listed_with_what_is_wrong_with_it() -> None:
    operations = Operations(state=BROKEN)
    rows = (await operations.get("components")).json["components"]
    assert operations.asked == [("instances", PROJECT)]
    assert [(row["component_id"], row["ready"], row["problem"]) for row in rows] == [
        (FIRST.component.id, False, WORDS),
        *((each.component.id, True, None) for each in OTHERS),
    ]


async def test_nothing_of_a_project_is_told_to_who_has_no_role_in_it() -> None:
    operations = Operations(state=BROKEN, turns_away=ProjectMismatchError())
    assert (await operations.get("components")).refusal == (403, "DBS.200010")
    assert not operations.asked
