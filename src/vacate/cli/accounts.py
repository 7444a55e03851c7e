"""`vacate user` and `vacate access-key`: every change of an account, with its event in the audit."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from vacate.cli.operator import record
from vacate.cli.tables import Column, Table, show
from vacate.domain.access.identity import Grant
from vacate.domain.audit.event import AuditAction
from vacate.domain.errors import SettingsError
from vacate.domain.plans.plan import Scope
from vacate.domain.topology.components import ProjectId
from vacate.iam.directory import UserDirectory
from vacate.operations.access.ports import KeptAccessKey, KeptUser
from vacate.operations.plans.make_plan import target_of
from vacate.settings.file import Settings
from vacate.settings.loading import load_settings
from vacate.wiring import State, directory_of, open_state


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounts:
    """The users and access keys of a store, opened for one command."""

    config: Path
    settings: Settings
    state: State
    directory: UserDirectory

    def project(self, wanted: str, *, former: bool = False) -> ProjectId:
        """The project of that id or name; with `former`, an id may be one that has left the configuration.

        Raises:
            SettingsError: the configuration has none; the message lists what it has.
        """
        known = self.settings.project_ids()
        if wanted in known.values():
            return ProjectId(wanted)
        if wanted in known:
            return ProjectId(known[wanted])
        if former:
            return ProjectId(wanted)
        there = ", ".join(f"{project_id} ({name})" for name, project_id in known.items()) or "none"
        raise SettingsError(f"{self.config} has no project {wanted!r}; it has: {there}")

    async def record(self, action: AuditAction, note: str, *, project_id: ProjectId | None = None) -> None:
        """Write down what was done.

        Raises:
            AuditUnavailableError: it is done, and the audit does not have it.
        """
        target = target_of(Scope(project_id=project_id or ProjectId("")))
        await record(self.state, self.settings, action, note, target=target)

    async def show_users(self, domain: str | None) -> None:
        """Print every user, also those that are disabled."""
        names = {project_id: name for name, project_id in self.settings.project_ids().items()}
        table = Table(
            columns=(
                Column(title="user"),
                Column(title="domain", minor=1),
                Column(title="state"),
                Column(title="password", minor=2),
                Column(title="access keys", right=True, minor=3),
                Column(title="roles", text=True),
            )
        )
        for kept in await self.directory.users():
            if domain is None or kept.user.domain == domain:
                _add_user(table, kept, names)
        show(table)

    async def show_access_keys(self, name: str | None, domain: str) -> None:
        """Print access keys, also those that are disabled: of one user, or all."""
        table = Table(
            columns=(
                Column(title="access key"),
                Column(title="user"),
                Column(title="domain", minor=1),
                Column(title="state"),
                Column(title="made at (UTC)", minor=2),
            )
        )
        for key in await self.directory.access_keys(None if name is None else (name, domain)):
            table.add(key.access_key, key.user_name, key.domain, _state(key), f"{key.created_at:%Y-%m-%d %H:%M:%S}")
        show(table)


@asynccontextmanager
async def open_accounts(config: Path) -> AsyncGenerator[Accounts]:
    """Open the users and access keys of the configured store.

    Raises:
        SettingsError, StoreUnavailableError.
    """
    settings = load_settings(config)
    async with open_state(settings) as state:
        with directory_of(state, settings) as directory:
            yield Accounts(config=config, settings=settings, state=state, directory=directory)


def _add_user(table: Table, kept: KeptUser, project_names: Mapping[ProjectId, str]) -> None:
    user = kept.user
    table.add(
        user.name,
        user.domain,
        _state(kept),
        "yes" if user.password_hash is not None else "no",
        str(kept.access_keys),
        _roles(user.grants, project_names),
    )


def _roles(grants: Sequence[Grant], project_names: Mapping[ProjectId, str]) -> str:
    # A role stays when its project has left the configuration.
    return ", ".join(f"{grant.role} in {project_names.get(grant.project_id, grant.project_id)}" for grant in grants)


def _state(kept: KeptUser | KeptAccessKey) -> str:
    return "enabled" if kept.disabled_at is None else f"disabled since {kept.disabled_at:%Y-%m-%d}"
