"""Who runs a command, and how what they do gets into the audit."""

import getpass
import os
import uuid

from vacate.cli.output import tell
from vacate.domain.access.identity import Actor, CredentialKind, Grant, Role
from vacate.domain.audit.chain import Anchor
from vacate.domain.audit.event import AuditAction, AuditEvent
from vacate.domain.errors import AuditUnavailableError
from vacate.domain.plans.plan import Scope
from vacate.domain.topology.components import ProjectId, Target
from vacate.operations.clock import utc_now
from vacate.operations.plans.make_plan import target_of
from vacate.settings.file import Settings
from vacate.store.anchored_audit import AnchoredAuditLog
from vacate.wiring import State


def operator_name() -> str:
    """Who sits at the keyboard, also where they became somebody else for this command."""
    return os.environ.get("SUDO_USER") or getpass.getuser()


def operator(settings: Settings) -> Actor:
    """Whoever runs the command, with one request id for all that it does.

    Who may read the configuration and write the store is an administrator of every project.
    """
    ids = settings.project_ids().values()
    return Actor(
        user_id="",
        user_name=operator_name(),
        grants=tuple(Grant(project_id=project_id, role=Role.ADMIN) for project_id in ids),
        credential_kind=CredentialKind.COMMAND,
        credential="",
        source_address="",
        request_id=uuid.uuid4().hex,
    )


def audit_of(state: State) -> AnchoredAuditLog:
    """The audit, for a command to write in."""
    return AnchoredAuditLog(state.audit, state.anchor, _Told())


async def record(
    state: State,
    settings: Settings,
    action: AuditAction,
    note: str,
    *,
    target: Target | None = None,
    begin_key: bool = False,
) -> None:
    """Write down what a command has done; see `AnchoredAuditLog.append` for `begin_key`.

    Raises:
        AuditUnavailableError: it is done, and the audit does not have it.
    """
    event = AuditEvent(
        at=utc_now(),
        action=action,
        actor=operator(settings),
        target=target or target_of(Scope(project_id=ProjectId(""))),
        note=note,
    )
    try:
        await audit_of(state).append(event, concluding=True, begin_key=begin_key)
    except AuditUnavailableError as error:
        raise AuditUnavailableError(f"it is done ({note}), and the audit does not have it: {error.reason}") from error


class _Told:
    """Implements `store.anchor.AnchorObserver`: whoever sits there reads what went wrong."""

    def audited(self, event: AuditEvent, anchor: Anchor) -> None:
        """An event was written; its digest is in the store and in the anchor."""

    def anchor_failed(self, reason: str) -> None:
        """The anchor could not be read or moved."""
        tell(f"vacate: the audit's anchor could not be read or moved: {reason}")

    def audit_disputed(self, problem: str | None) -> None:
        """The chain does not go through what is known of it."""
        if problem is not None:
            tell(f"vacate: the audit has lost events: {problem}")
