"""Who sent a request: proved once, by signature or by token."""

from vacate.domain.errors import (
    AccessKeyUnknownError,
    CredentialsMissingError,
    SignatureInvalidError,
    TokenInvalidError,
)
from vacate.domain.identity import Actor, CredentialKind, Grant
from vacate.iam.sealing import Sealer
from vacate.iam.signature import is_signed, parse_authorization, verify
from vacate.operations.access import Credentials, Presented, Tokens, User
from vacate.operations.ports import Clock

_TOKEN_NAME_DIGITS = 12


class RequestAuthenticator:
    """Tells who asks.

    A signature counts more than a token: the official clients sign even when they were given a token to send.
    An Authorization header in a scheme that is not known here is passed over.
    """

    def __init__(self, credentials: Credentials, sealer: Sealer, tokens: Tokens, clock: Clock) -> None:
        """Take what is kept, what opens it, who knows tokens, and the clock that dates are held against."""
        self._credentials = credentials
        self._sealer = sealer
        self._tokens = tokens
        self._clock = clock

    async def authenticate(self, request: Presented) -> Actor:
        """Prove who sent the request.

        Raises:
            AuthenticationError: one of its kinds.
            StoreUnavailableError: the credentials cannot be read.
        """
        authorizations = _values(request, b"authorization")
        if any(is_signed(value) for value in authorizations):
            match authorizations:
                case [value]:
                    return await self._by_signature(request, value)
                case _:
                    raise SignatureInvalidError("Authorization was sent more than once")
        match _values(request, b"x-auth-token"):
            case []:
                raise CredentialsMissingError
            case [value]:
                return await self._by_token(request, value)
            case _:
                raise TokenInvalidError

    async def _by_signature(self, request: Presented, value: bytes) -> Actor:
        authorization = parse_authorization(value)
        access_key = authorization.access_key
        kept = await self._credentials.access_key(access_key)
        if kept is None:
            raise AccessKeyUnknownError(access_key)
        secret = self._sealer.open(kept.sealed_secret, access_key=access_key)
        verify(request, authorization, secret, self._clock())
        return _actor(request, kept.user, kept.user.grants, CredentialKind.ACCESS_KEY, access_key)

    async def _by_token(self, request: Presented, value: bytes) -> Actor:
        # No byte is refused here: a value that no token can have is simply not found.
        record = await self._tokens.inspect(value.decode("latin-1"))
        grants = tuple(grant for grant in record.user.grants if grant.project_id == record.project_id)
        name = record.digest.hex()[:_TOKEN_NAME_DIGITS]
        return _actor(request, record.user, grants, CredentialKind.TOKEN, name)


def _values(request: Presented, name: bytes) -> list[bytes]:
    return [value.strip() for sent, value in request.headers if sent == name]


def _actor(request: Presented, user: User, grants: tuple[Grant, ...], kind: CredentialKind, credential: str) -> Actor:
    return Actor(
        user_id=user.id,
        user_name=user.name,
        grants=grants,
        credential_kind=kind,
        credential=credential,
        source_address=request.source_address,
        request_id=request.request_id,
    )
