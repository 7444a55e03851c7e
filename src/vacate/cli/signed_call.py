"""One signed call over HTTP, as any client of the service makes it."""

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

from vacate.api.signing import sign
from vacate.operations.clock import utc_now

_TIMEOUT_S = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back: the status, the id under which the service remembers the call, and the JSON body."""

    status: int
    request_id: str
    body: Any


def signed_post(url: str, content: object, *, access_key: str, secret_key: str) -> Answer:
    """Sign and send a JSON body; an error status is an answer too. This blocks."""
    body = json.dumps(content).encode()
    headers = sign(
        method="POST",
        url=url,
        headers={"Content-Type": "application/json"},
        body=body,
        access_key=access_key,
        secret=secret_key.encode(),
        at=utc_now(),
    )
    request = urllib.request.Request(url, data=body, headers=headers, method="POST")  # noqa: S310 - the URL is the service's own
    # No proxy: the call must reach the very address that was signed.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=_TIMEOUT_S) as response:
            return Answer(status=response.status, request_id=response.headers["X-Request-Id"], body=json.load(response))
    except urllib.error.HTTPError as error:
        with error:
            return Answer(status=error.code, request_id=error.headers["X-Request-Id"], body=json.load(error))
