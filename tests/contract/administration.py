"""Our own door, as a program that signs its calls uses it."""

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from tests.contract.places import INSTANCE, NODES, PROJECT
from tests.contract.raw import Answer, Signed
from tests.support.service import COORDINATOR, Key, RunningService, eventually


@dataclass(frozen=True, slots=True, kw_only=True)
class Administrator:
    """Somebody with an access key, at one service."""

    service: RunningService = field(repr=False)
    key: Key = field(repr=False)
    project: str = PROJECT

    def ask(self, method: str, path: str, content: object = None, **query: object) -> Answer:
        """Make a call below the project."""
        target = f"/admin/v1/{self.project}/{path}" + (f"?{urlencode(query)}" if query else "")
        body = b"" if content is None else json.dumps(content).encode()
        return Signed(service=self.service, key=self.key).send(body, path=target, method=method)

    def done(self, method: str, path: str, content: object = None, **query: object) -> Any:  # noqa: ANN401
        """The content of an answer that is no refusal."""
        answer = self.ask(method, path, content, **query)
        assert answer.status < 300, answer.body
        return answer.json

    def plan(self, criteria: object = None, *, component: str | None = COORDINATOR, **more: object) -> Any:  # noqa: ANN401
        """Make a plan over a component, or the instance."""
        place = {"node_id": NODES[component], "component_id": component} if component else {}
        chosen = {} if criteria is None else {"criteria": criteria}
        return self.done("POST", "plans", {"instance_id": INSTANCE, **place, **chosen, **more})

    def apply(self, plan: Any, *, wait: int = 30) -> Answer:  # noqa: ANN401
        """Apply a plan as it was read."""
        return self.ask("POST", f"plans/{plan['id']}/apply", {"digest": plan["digest"], "wait_seconds": wait})

    def ended(self, plan: Any) -> Any:  # noqa: ANN401
        """The plan, as soon as its application has ended."""

        def shown() -> Any:  # noqa: ANN401
            state = self.done("GET", f"plans/{plan['id']}")
            return state if state["stage"] not in {"open", "applying"} else None

        return eventually(shown, within_s=60.0)


def outcomes(state: Any) -> dict[str, int]:  # noqa: ANN401
    """How many victims of a plan had which outcome, over all components."""
    total: dict[str, int] = {}
    for line in state["components"]:
        for outcome, count in line["progress"]["outcomes"].items():
            total[outcome] = total.get(outcome, 0) + count
    return total


def planned_pids(plan: Any) -> set[int]:  # noqa: ANN401
    """The process ids of a plan's victims."""
    return {victim["pid"] for line in plan["components"] for victim in line["victims"]}
