"""Who calls: signing in and out, temporary access keys, and finding oneself."""

from datetime import timedelta

from vacate.api.iam_v3 import calls, discovery, sign_in
from vacate.api.iam_v3.discovery import CallerIdentityResponse, ProjectRow
from vacate.client.calling import Caller, SignedIn
from vacate.client.credentials import AccessKey, Password, Token
from vacate.client.driving import call
from vacate.client.exchange import Flow
from vacate.client.requests import decoded, request_for


class Access(Caller):
    """The calls about who calls."""

    @call
    def sign_in(self, who: Password) -> Flow[SignedIn]:
        """Sign in for a token of the project, which is good for 24 hours. This client goes on as it was made.

        A client that was made with a `Password` signs in by itself.

        Args:
            who: The user with the password.

        Returns:
            The token, to be kept as a secret.

        Raises:
            NotAuthenticatedError: user or password is wrong, or the user is locked.
            NotPermittedError: the user has no role in the project.
            RefusedError: the service refused the call.
            ClientError: no answer came, or none that can be read.
        """
        return (yield from self._signed_in(who))

    @call
    def sign_out(self, token: str) -> Flow[None]:
        """Revoke a token of one's own before its time, and the temporary access keys that were made from it.

        Args:
            token: The token, which also proves who calls.

        Raises:
            NotAuthenticatedError, NotFoundError: the token is over already.
            RefusedError: the service refused the call.
            ClientError: no answer came.
        """
        yield from self._revoked(Token(value=token))

    @call
    def make_temporary_key(self, token: str, *, lifetime: timedelta = timedelta(minutes=15)) -> Flow[AccessKey]:
        """Change a token for an access key that works for a while, at most as long as the token.

        Args:
            token: The token.
            lifetime: How long the key is good, in whole seconds: 15 minutes to a day.

        Returns:
            The key, with the security token that goes with it. It is shown this once.

        Raises:
            NotAuthenticatedError: the token is over.
            RefusedError: the service refused the call.
            ClientError: no answer came, or none that can be read.
        """
        body = sign_in.SecurityTokenRequest(
            auth=sign_in.SecurityTokenAuth(
                identity=sign_in.SecurityTokenIdentity(
                    methods=("token",),
                    token=sign_in.TokenIdentity(id=token, duration_seconds=int(lifetime.total_seconds())),
                )
            )
        )
        request = request_for(calls.TEMPORARY_KEY, endpoint=self._endpoint, path={}, body=body)
        answer = yield from self._exchange(calls.TEMPORARY_KEY, request, Token(value=token))
        made = decoded(answer, sign_in.SecurityTokenResponse).credential
        return AccessKey(access_key=made.access, secret_key=made.secret, security_token=made.securitytoken)

    @call
    def who_am_i(self) -> Flow[CallerIdentityResponse]:
        """Say which user the service takes the caller for.

        Raises:
            NotAuthenticatedError: the service does not know who calls.
            RefusedError: the service refused the call.
            ClientError: no answer came, or none that can be read.
        """
        return (yield from self._ask(calls.CALLER_IDENTITY, CallerIdentityResponse))

    @call
    def list_projects(self) -> Flow[tuple[ProjectRow, ...]]:
        """List the projects in which the caller has a role.

        Raises:
            RefusedError: the service refused the call.
            ClientError: no answer came, or none that can be read.
        """
        answer = yield from self._ask(calls.OWN_PROJECTS, discovery.ProjectsResponse)
        return answer.projects
