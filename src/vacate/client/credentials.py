"""How a client proves who calls: by signing with an access key, or with a token."""

from dataclasses import dataclass, field
from datetime import datetime

from vacate.api.signing import sign
from vacate.client.exchange import Request

TOKEN_HEADER = "X-Auth-Token"  # noqa: S105 - a header's name
_SECURITY_TOKEN_HEADER = "X-Security-Token"  # noqa: S105 - a header's name


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessKey:
    """Every request is signed with the secret key, which never leaves the machine.

    A temporary access key comes with a `security_token`.
    """

    access_key: str
    secret_key: str = field(repr=False)
    security_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """Every request carries a token that was signed in for elsewhere."""

    value: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Password:
    """The client signs in by itself before the first call, and out when it is closed."""

    user: str
    password: str = field(repr=False)
    domain: str = "default"


Credentials = AccessKey | Token | Password


def proved(request: Request, credential: AccessKey | Token, at: datetime) -> Request:
    """The request with the proof of who sends it.

    Args:
        request: As it is to be sent.
        credential: Whose request it is.
        at: The signing time, aware.
    """
    match credential:
        case Token(value=value):
            headers = {**request.headers, TOKEN_HEADER: value}
        case AccessKey(access_key=access_key, secret_key=secret_key, security_token=security_token):
            extra = {} if security_token is None else {_SECURITY_TOKEN_HEADER: security_token}
            headers = sign(
                method=request.method,
                url=request.url,
                headers={**request.headers, **extra},
                body=request.body,
                access_key=access_key,
                secret=secret_key.encode(),
                at=at,
            )
    return Request(method=request.method, url=request.url, headers=headers, body=request.body)
