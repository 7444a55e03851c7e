"""Every door that is told of."""

from vacate.api.admin import errors as admin
from vacate.api.admin.fields import AdminPath
from vacate.api.bodies import BodyTooLargeError, BodyTooSlowError
from vacate.api.gaussdb_v3 import errors as gaussdb_v3
from vacate.api.gaussdb_v3.fields import PathParameters
from vacate.api.iam_v3 import errors as iam_v3
from vacate.api.iam_v3.calls import OPERATIONS as SIGN_IN_OPERATIONS
from vacate.domain import errors as domain
from vacate.domain.errors import VacateError
from vacate.http.admin.routes import OPERATIONS as ADMIN_OPERATIONS
from vacate.http.gaussdb_v3.routes import OPERATIONS as SESSION_OPERATIONS
from vacate.http.iam_v3.routes import TRACE_ID_HEADER
from vacate.http.reference.door import DescribedDoor
from vacate.operations.wanted import CriteriaShape

# Whatever is called: how a body may fail to arrive, and what nobody has thought of.
_ANY_CALL: tuple[type[VacateError], ...] = (BodyTooLargeError, BodyTooSlowError, VacateError)
# Wherever a sender has to be proved.
_ANY_SENDER: tuple[type[VacateError], ...] = (
    domain.CredentialsMissingError,
    domain.SignatureInvalidError,
    domain.SignatureExpiredError,
    domain.AccessKeyUnknownError,
    domain.AccessKeyExpiredError,
    domain.AccessKeyLockedError,
    domain.SecurityTokenInvalidError,
    domain.TokenInvalidError,
    domain.TokenExpiredError,
    domain.ThrottledError,
    domain.StoreUnavailableError,
)
# Wherever a signed request counts once.
_ONCE: tuple[type[VacateError], ...] = (domain.RequestRepeatedError,)

SESSION_CALLS = DescribedDoor(
    title="Session calls",
    operations=SESSION_OPERATIONS,
    table=gaussdb_v3.ERRORS,
    proved=(*_ANY_CALL, *_ANY_SENDER, *gaussdb_v3.OF_EVERY_CALL),
    anybody=_ANY_CALL,
    once=_ONCE,
    path=PathParameters,
)
SIGN_IN = DescribedDoor(
    title="Signing in",
    operations=SIGN_IN_OPERATIONS,
    table=iam_v3.ERRORS,
    proved=(*_ANY_CALL, *_ANY_SENDER),
    anybody=(*_ANY_CALL, domain.StoreUnavailableError),
    once=_ONCE,
    headers=(TRACE_ID_HEADER,),
)
ADMINISTRATION = DescribedDoor(
    title="Administration",
    operations=ADMIN_OPERATIONS,
    table=admin.ERRORS,
    proved=(*_ANY_CALL, *_ANY_SENDER, *admin.OF_EVERY_CALL),
    anybody=_ANY_CALL,
    once=_ONCE,
    path=AdminPath,
    shapes=(CriteriaShape,),
)
DOORS = (SESSION_CALLS, SIGN_IN, ADMINISTRATION)
