"""What to do about a refusal, by the service's code. A test holds this against the tables of `api`."""

from collections.abc import Mapping

_SIGN_IN = "Check the user's name, domain and password; after several wrong ones wait for five minutes."
_PROVE = "Check the access key, the secret key or the token, and this machine's clock."
_ROLE = "Use another credential, or have an administrator give the user a role in the project."
_SERVICE = "Look for the request id in the service's log, and at /readyz."
_REQUEST = "Correct what the message names; the same request will be refused again."
_NEW_TOKEN = "Sign in again."  # noqa: S105 - a sentence
_SEE_COMPONENTS = "Look at `list_components` for what is wrong with the server and what to do."

ADVICE: Mapping[str, str] = {
    "APIGW.0101": "Check the address: no Vacate service answers there, or one that does not have this call.",
    "APIGW.0201": "Send the request again; its body was too large, or did not arrive in time.",
    "APIGW.0301": _PROVE,
    "APIGW.0307": _NEW_TOKEN,
    "APIGW.0308": "Wait for `retry_after`, then call again.",
    "DBS.108000": _SERVICE,
    "DBS.200005": _SERVICE,
    "DBS.200010": _ROLE,
    "DBS.200019": "Wait until the sweep that is under way has ended, then call again.",
    "DBS.200045": "Look at `list_instances` for the ids of the instances.",
    "DBS.280001": _REQUEST,
    "DBS.280006": _REQUEST,
    "DBS.280011": _SEE_COMPONENTS,
    "DBS.280015": _ROLE,
    "DBS.280404": _REQUEST,
    "DBS.280406": "Look at `list_freezes` and `list_components`: it is frozen, or the server cannot be swept.",
    "DBS.280407": "Look at `list_components` for the ids of nodes and components.",
    "DBS.280408": _REQUEST,
    "DBS.280439": _REQUEST,
    "DBS.280440": _REQUEST,
    "DBS.280667": _REQUEST,
    "DBS.280676": "Look at `list_components` for the ids of nodes and components.",
    "IAM.0001": _PROVE,
    "IAM.0002": _ROLE,
    "IAM.0003": _ROLE,
    "IAM.0004": "The token is over or was revoked; sign in again.",
    "IAM.0006": _SERVICE,
    "IAM.0007": _REQUEST,
    "IAM.0011": _REQUEST,
    "IAM.0062": _SIGN_IN,
    "IAM.0066": _NEW_TOKEN,
    "IAM.0067": _NEW_TOKEN,
    "VACATE.4001": _REQUEST,
    "VACATE.4041": "Look at `list_plans`, or make a new plan.",
    "VACATE.4042": "Look at `list_sessions`: the session has ended, or has another id.",
    "VACATE.4091": "Read the plan again with `show_plan`, and apply what was read.",
    "VACATE.4092": "A plan is applied once; `show_plan` says what came of it.",
    "VACATE.4093": "Only a plan that is being applied can be stopped; `show_plan` says how far it has come.",
    "VACATE.4101": "Make a new plan.",
}
# For what answers without a code of the service, such as a proxy on the way.
NO_CODE = "Check the address, and what stands between this machine and the service."
