"""What a monitor asks, in the OpenAPI document. These calls have no door's table: they refuse nobody."""

from collections.abc import Mapping
from typing import Any

from vacate.api.errors import REQUEST_ID_HEADER
from vacate.http.reference.shapes import Alive, Readiness

FAMILY = "Monitoring"
SHAPES = (Alive, Readiness)

_HEADERS = {REQUEST_ID_HEADER: {"$ref": f"#/components/headers/{REQUEST_ID_HEADER}"}}

_COMPONENT = {
    "instance_id": "3d39c18788b54a919bab633874c159dfin14",
    "node_id": "52c25e148a4a48c293b66ca95565719cno14",
    "component_id": "cn_5001",
    "engine": "gaussdb",
    "ready": True,
    "problem": None,
    "checked_at": "2026-01-02T03:04:05.000000Z",
}
_ALL_WELL = {"status": "ok", "frozen": [], "store": {"ready": True, "problem": None}, "components": [_COMPONENT]}
_NOTHING_WORKS = {
    "status": "unavailable",
    "frozen": None,
    "store": {"ready": False, "problem": "it cannot be used; Vacate's log says why"},
    "components": [_COMPONENT],
}
_METRICS = "# TYPE vacate_build_info gauge\n"


def paths(references: Mapping[type[Any], Mapping[str, Any]]) -> dict[str, Any]:
    """The three calls, open to everybody."""
    return {
        "/healthz": {
            "get": _call(
                "healthz",
                "Is the service alive?",
                "Answers as long as the service runs, whatever it can reach.",
                {"200": _json("It runs.", references[Alive], {"status": "ok"})},
            )
        },
        "/readyz": {
            "get": _call(
                "readyz",
                "What can be swept?",
                "What the last check of the store and of every component found. It names instances and components, "
                "never hosts or credentials.",
                {
                    "200": _json("Everything, or some of it.", references[Readiness], _ALL_WELL),
                    "503": _json("Nothing.", references[Readiness], _NOTHING_WORKS),
                },
            )
        },
        "/metrics": {
            "get": _call(
                "metrics",
                "The metrics",
                "Counts and durations in the text format of Prometheus.",
                {
                    "200": {
                        "description": "Every metric.",
                        "headers": _HEADERS,
                        "content": {"text/plain": {"schema": {"type": "string"}, "example": _METRICS}},
                    }
                },
            )
        },
    }


def _call(name: str, title: str, description: str, responses: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "operationId": name,
        "tags": [FAMILY],
        "summary": title,
        "description": description,
        "security": [],
        "responses": responses,
    }


def _json(description: str, schema: Mapping[str, Any], example: object) -> dict[str, Any]:
    return {
        "description": description,
        "headers": _HEADERS,
        "content": {"application/json": {"schema": schema, "example": example}},
    }
