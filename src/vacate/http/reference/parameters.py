"""What stands in a header, described once for all calls."""

from collections.abc import Mapping
from typing import Any

from vacate.api.errors import REQUEST_ID_HEADER
from vacate.api.language import LANGUAGE_HEADER, Language

LANGUAGE: Mapping[str, Any] = {
    "name": LANGUAGE_HEADER,
    "in": "header",
    "description": "The language of an error's short text, in any case. What Vacate adds to it is always English.",
    "schema": {
        "type": "string",
        "enum": [language.value for language in Language],
        "default": Language.ENGLISH.value,
    },
}

# Headers of answers, by the name they are sent under.
HEADERS: Mapping[str, Mapping[str, Any]] = {
    REQUEST_ID_HEADER: {
        "description": "The call's name: in the log, in the audit, and in every error.",
        "required": True,
        "schema": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
        "example": "b1ec39e0a7bd4c0f8b0a7a8b2c1f6f2e",
    },
    "Content-Language": {
        "description": "The language of the error's short text.",
        "schema": {"type": "string", "enum": ["en-US", "zh-CN"]},
    },
    "Retry-After": {
        "description": "How many seconds to wait before the next try.",
        "schema": {"type": "integer", "minimum": 1},
        "example": 1,
    },
    "X-IAM-Trace-Id": {
        "description": "The same as `X-Request-Id`, where the vendor's clients look for it.",
        "schema": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
    },
    "X-Vacate-Outcomes": {
        "description": "How many sessions had which outcome: `name=count`, separated by commas; empty without any.",
        "schema": {"type": "string"},
        "example": "spared=3, terminated=2",
    },
    "X-Subject-Token": {
        "description": "The token. Send it as `X-Auth-Token` with the next calls.",
        "required": True,
        "schema": {"type": "string", "minLength": 1},
        "example": "MIIDkgYJKoZIhvcNAQcCoIIDgzCCA38CAQExDTALBglghkgBZQMEAgEwgXXXXX",
    },
}

# Headers that single calls read, by name.
REQUEST_HEADERS: Mapping[str, Mapping[str, Any]] = {
    "X-Subject-Token": {
        "description": "The token that is asked about.",
        "required": True,
        "schema": {"type": "string", "minLength": 1},
    },
    "X-Auth-Token": {
        "description": "The sender's token, where the body does not have it.",
        "required": False,
        "schema": {"type": "string", "minLength": 1},
    },
    "X-Project-Id": {
        "description": "The project that the call is about.",
        "required": False,
        "schema": {"type": "string", "pattern": "^[0-9a-zA-Z]{32}$"},
    },
}

SECURITY: Mapping[str, Mapping[str, Any]] = {
    "token": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Auth-Token",
        "description": (
            "Sign in with `POST /v3/auth/tokens`, copy the value of the answer's header `X-Subject-Token`, and paste "
            "it here. It stands for you in one project for 24 hours."
        ),
    },
    "signature": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": (
            "`SDK-HMAC-SHA256 Access=<access key>, SignedHeaders=<a;b;c>, Signature=<hex>`, with the time of signing "
            "in `X-Sdk-Date` (`20260102T030405Z`, at most 15 minutes off). The signature is the HMAC-SHA256, with the "
            "secret key, of the algorithm's name, the time, and the SHA-256 of the canonical request: method, path, "
            "query, signed headers, their names, and the SHA-256 of the body. It differs from call to call, so the "
            "vendor's SDKs make it; it cannot be typed here."
        ),
    },
}
