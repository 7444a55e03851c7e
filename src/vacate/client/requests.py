"""A described call becomes a request, and an answer becomes what the description says."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar, cast
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from vacate import __version__
from vacate.api.errors import REQUEST_ID_HEADER, Error
from vacate.api.operation import Operation
from vacate.client.errors import RefusedError, UnreadableAnswerError, refusal_of
from vacate.client.exchange import Answer, Request
from vacate.domain.texts import for_terminal

ShapeT = TypeVar("ShapeT")

_PARAMETER = re.compile(r"\{(\w+)\}")
_FIRST_REDIRECT, _FIRST_REFUSAL = 300, 400
_LONGEST_QUOTE = 200


def endpoint_of(address: str) -> str:
    """The address that calls begin with.

    Raises:
        ValueError: it is no address of a service; the message says what one looks like.
    """
    parts = urlsplit(address)
    whole = parts.scheme in {"http", "https"} and parts.hostname and address.isascii()
    if not whole or parts.username is not None or parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError(
            f"{for_terminal(address)!r} is no address of a service; write https://host or http://host:8686, "
            "without a path and without a user"
        )
    return f"{parts.scheme}://{parts.netloc}"


def request_for(
    operation: Operation,
    *,
    endpoint: str,
    path: Mapping[str, str],
    query: msgspec.Struct | None = None,
    body: msgspec.Struct | None = None,
    headers: Mapping[str, str] | None = None,
) -> Request:
    """The request of a call, without the proof of who sends it.

    Args:
        operation: The call.
        endpoint: The address that calls begin with.
        path: The parameters of the path.
        query: The parameters of the query; those that have their default are not sent.
        body: The JSON body.
        headers: What else is sent.
    """
    target = _PARAMETER.sub(lambda found: quote(path[found[1]], safe=""), operation.path)
    pairs = () if query is None else _pairs(query)
    content = b"" if body is None else msgspec.json.encode(body)
    sent = {"Accept": "application/json", "User-Agent": f"vacate-client/{__version__}", **(headers or {})}
    if content:
        sent["Content-Type"] = "application/json"
    url = endpoint + target + ("?" + urlencode(pairs, quote_via=quote) if pairs else "")
    return Request(method=operation.method, url=url, headers=sent, body=content)


def _pairs(query: msgspec.Struct) -> tuple[tuple[str, str], ...]:
    """The parameters that say something; a list is a parameter for each of its entries."""
    written = cast("dict[str, Any]", msgspec.to_builtins(query))
    pairs: list[tuple[str, str]] = []
    for field in msgspec.structs.fields(query):
        value = written.get(field.encode_name)
        if value is None or getattr(query, field.name) == field.default:
            continue
        values = cast("list[object]", value) if isinstance(value, list | tuple) else [value]
        pairs.extend(
            (field.encode_name, one if isinstance(one, str) else msgspec.json.encode(one).decode()) for one in values
        )
    return tuple(pairs)


def checked(answer: Answer, now: datetime) -> Answer:
    """The answer, when it is none of a refused call.

    Args:
        answer: What came back.
        now: For a `Retry-After` that is a date; aware.

    Raises:
        RefusedError: the call was refused, or the service failed.
        UnreadableAnswerError: something redirects elsewhere.
    """
    if answer.status < _FIRST_REDIRECT:
        return answer
    if answer.status < _FIRST_REFUSAL:
        raise UnreadableAnswerError(
            f"the address redirects elsewhere (status {answer.status}), where nothing is sent: give the service's own"
        )
    raise _refusal(answer, now)


def _refusal(answer: Answer, now: datetime) -> RefusedError:
    kind, wait = refusal_of(answer.status), retry_after(answer, now)
    request_id = answer.headers.get(REQUEST_ID_HEADER.lower(), "")
    try:
        told = msgspec.json.decode(answer.body, type=Error)
    except msgspec.MsgspecError:
        said = for_terminal(answer.body[:_LONGEST_QUOTE].decode("utf-8", "replace"))
        message = f"What answered is not the service, and said: {said}" if said else "Refused without a word"
        return kind(
            status=answer.status, code="", message=message, request_id=for_terminal(request_id), retry_after=wait
        )
    return kind(
        status=answer.status,
        code=for_terminal(told.error_code),
        message=for_terminal(told.error_msg),
        request_id=told.request_id,
        retry_after=wait,
    )


def retry_after(answer: Answer, now: datetime) -> timedelta | None:
    """How long the service asks to wait: seconds or a date (RFC 9110, section 10.2.3); None when it does not say."""
    text = answer.headers.get("retry-after", "").strip()
    if re.fullmatch(r"[0-9]{1,6}", text):
        return timedelta(seconds=int(text))
    try:
        return max(parsedate_to_datetime(text) - now, timedelta())
    except (ValueError, TypeError):
        return None


def decoded(answer: Answer, shape: type[ShapeT]) -> ShapeT:
    """The body of an answer.

    Raises:
        UnreadableAnswerError: it is not what this call answers.
    """
    try:
        return msgspec.json.decode(answer.body, type=shape)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise UnreadableAnswerError(
            f"the answer cannot be read: {error}; is a Vacate service of this version at the address?"
        ) from error
