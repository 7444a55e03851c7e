"""Temporary access keys: made from a token, signed with like any other, and over by themselves."""

import secrets
import string
from datetime import timedelta

from vacate.domain.errors import TokenInvalidError
from vacate.iam.sealing import Sealer
from vacate.iam.throttle import Throttle
from vacate.iam.tokens import digest_of
from vacate.operations.access.ports import Credentials, IssuedTemporaryKey, NewTemporaryKey, Tokens
from vacate.operations.ports import Clock

_ALPHABET = string.ascii_uppercase + string.digits
# The letters in front tell it from a permanent one for whoever reads a log; nothing depends on them.
_PREFIX = "TEMP"
_RANDOM_LETTERS = 20
_SECRET_KEY_BYTES = 30
_SECURITY_TOKEN_BYTES = 48


class TemporaryKeyService:
    """Changes tokens for temporary access keys.

    Such a key stands for the token's user with the roles that the user has at each request: in the token's project,
    or in all of theirs if the token is for none. It ends with the token at the latest, also when that is revoked.
    """

    def __init__(
        self, *, credentials: Credentials, tokens: Tokens, sealer: Sealer, throttle: Throttle, clock: Clock
    ) -> None:
        """Take where keys are kept and what seals them, who knows tokens, and what one user may ask for at once."""
        self._credentials = credentials
        self._tokens = tokens
        self._sealer = sealer
        self._throttle = throttle
        self._clock = clock

    async def issue(self, *, token: str, lifetime: timedelta) -> IssuedTemporaryKey:
        """Make a temporary access key.

        Raises:
            TokenInvalidError: no such token, or it was revoked.
            TokenExpiredError: its 24 hours are over.
            ThrottledError: too many at once for one user.
            StoreUnavailableError: the store does not answer.
        """
        record = await self._tokens.inspect(token)
        self._throttle.take(record.user.id)
        now = self._clock()
        access_key = _PREFIX + "".join(secrets.choice(_ALPHABET) for _ in range(_RANDOM_LETTERS))
        secret_key = secrets.token_urlsafe(_SECRET_KEY_BYTES)
        security_token = secrets.token_urlsafe(_SECURITY_TOKEN_BYTES)
        expires_at = min(now + lifetime, record.expires_at)
        kept = await self._credentials.add_temporary_key(
            NewTemporaryKey(
                access_key=access_key,
                sealed_secret=self._sealer.seal(secret_key.encode("ascii"), access_key=access_key),
                digest=digest_of(security_token),
                token=record,
                created_at=now,
                expires_at=expires_at,
            )
        )
        if not kept:
            raise TokenInvalidError
        return IssuedTemporaryKey(
            access_key=access_key, secret_key=secret_key, security_token=security_token, expires_at=expires_at
        )
