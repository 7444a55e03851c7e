"""Who sent a request: proved once, by signature or by token."""

import hmac

from vacate.domain.access.identity import Actor, CredentialKind, Grant
from vacate.domain.errors import (
    AccessKeyExpiredError,
    AccessKeyLockedError,
    AccessKeyUnknownError,
    CredentialsMissingError,
    SecurityTokenInvalidError,
    SignatureInvalidError,
    TokenInvalidError,
)
from vacate.domain.topology.components import ProjectId
from vacate.iam.lockout import Lockout
from vacate.iam.replays import Replays
from vacate.iam.sealing import Sealer
from vacate.iam.signature import Signed, is_signed, parse_authorization, verify
from vacate.iam.throttle import Throttle
from vacate.iam.tokens import digest_of, instant_text
from vacate.operations.access.ports import AccessKey, Credentials, Presented, Tokens, User
from vacate.operations.ports import Clock

_TOKEN_NAME_DIGITS = 12


class RequestAuthenticator:
    """Tells who asks.

    A signature counts more than a token: the official clients sign even when they were given a token to send.
    An Authorization header in a scheme that is not known here is passed over.
    """

    def __init__(
        self,
        *,
        credentials: Credentials,
        sealer: Sealer,
        tokens: Tokens,
        lockout: Lockout,
        throttle: Throttle,
        replays: Replays,
        clock: Clock,
    ) -> None:
        """Take what is kept, what opens it, who knows tokens, and the clock that dates are held against.

        `lockout` counts wrong signatures per access key; `throttle` what a proved caller may ask for at once;
        `replays` knows the signed requests that may not come again.
        """
        self._credentials = credentials
        self._sealer = sealer
        self._tokens = tokens
        self._lockout = lockout
        self._throttle = throttle
        self._replays = replays
        self._clock = clock

    async def authenticate(self, request: Presented, *, once: bool = False) -> Actor:
        """Prove who sent the request.

        A signed request that changes something (`once`) is accepted a single time. A token proves its bearer as often
        as it is shown.

        Raises:
            AuthenticationError: one of its kinds.
            ThrottledError: proved, but too many requests at once.
            StoreUnavailableError: the credentials cannot be read, or it cannot be kept that the request came.
        """
        authorizations = _values(request, b"authorization")
        if any(is_signed(value) for value in authorizations):
            match authorizations:
                case [value]:
                    actor, signed = await self._by_signature(request, value)
                    if once:
                        await self._replays.take(actor.credential, signed)
                    return actor
                case _:
                    raise SignatureInvalidError("Authorization was sent more than once")
        match _values(request, b"x-auth-token"):
            case []:
                raise CredentialsMissingError
            case [value]:
                return await self._by_token(request, value)
            case _:
                raise TokenInvalidError

    async def _by_signature(self, request: Presented, value: bytes) -> tuple[Actor, Signed]:
        authorization = parse_authorization(value)
        access_key = authorization.access_key
        kept = await self._credentials.access_key(access_key)
        if kept is None:
            # It is told anyway that there is none, so there is nothing to count and nothing to lock.
            raise AccessKeyUnknownError(access_key)
        if self._lockout.locked(access_key):
            raise AccessKeyLockedError
        secret = self._sealer.open(kept.sealed_secret, access_key=access_key)
        try:
            signed = verify(request, authorization, secret, self._clock())
        except SignatureInvalidError as error:
            if error.may_be_a_guess:
                self._lockout.failed(access_key)
            raise
        self._lockout.succeeded(access_key)
        self._check_security_token(request, kept)
        if kept.temporary is None:
            self._throttle.take(("access key", access_key))
            return _actor(request, kept.user, kept.user.grants, CredentialKind.ACCESS_KEY, access_key), signed
        # A user may have any number of temporary keys, and must not get ahead of others by that.
        self._throttle.take(("user", kept.user.id))
        grants = _grants(kept.user, kept.temporary.project_id) if kept.temporary.project_id else kept.user.grants
        return _actor(request, kept.user, grants, CredentialKind.ACCESS_KEY, access_key), signed

    def _check_security_token(self, request: Presented, kept: AccessKey) -> None:
        """A temporary access key and its security token belong together; whether the token is signed is all the same.

        An empty one is none: clients send it when a variable is set to nothing.
        """
        sent = [value for value in _values(request, b"x-security-token") if value]
        if kept.temporary is None:
            if sent:
                raise SecurityTokenInvalidError("the key is a permanent one, so send no security token with it")
            return
        if self._clock() >= kept.temporary.expires_at:
            raise AccessKeyExpiredError(expires_at=instant_text(kept.temporary.expires_at))
        match sent:
            case [value]:
                if not hmac.compare_digest(digest_of(value.decode("latin-1")), kept.temporary.digest):
                    raise SecurityTokenInvalidError("it is another one's")
            case []:
                raise SecurityTokenInvalidError("the key is a temporary one, so send its security token")
            case _:
                raise SecurityTokenInvalidError("it was sent more than once")

    async def _by_token(self, request: Presented, value: bytes) -> Actor:
        # No byte is refused here: a value that no token can have is simply not found.
        record = await self._tokens.inspect(value.decode("latin-1"))
        self._throttle.take(("user", record.user.id))
        # A token without a project opens none.
        grants = _grants(record.user, record.project_id) if record.project_id else ()
        name = record.digest.hex()[:_TOKEN_NAME_DIGITS]
        return _actor(request, record.user, grants, CredentialKind.TOKEN, name)


def _values(request: Presented, name: bytes) -> list[bytes]:
    return [value.strip() for sent, value in request.headers if sent == name]


def _grants(user: User, project_id: ProjectId) -> tuple[Grant, ...]:
    return tuple(grant for grant in user.grants if grant.project_id == project_id)


def _actor(request: Presented, user: User, grants: tuple[Grant, ...], kind: CredentialKind, credential: str) -> Actor:
    return Actor(
        user_id=user.id,
        user_name=user.name,
        domain=user.domain,
        grants=grants,
        credential_kind=kind,
        credential=credential,
        source_address=request.source_address,
        request_id=request.request_id,
    )
