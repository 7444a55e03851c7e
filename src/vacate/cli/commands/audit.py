"""`vacate audit`: the record of who ended what."""

import sys
from datetime import datetime
from pathlib import Path

import click

from vacate.cli.commands.shared import CONFIG, Moment, fail, run
from vacate.cli.output import say, tell

# The widest number that a store keeps.
_NUMBER = click.IntRange(0, 2**63 - 1)


@click.group()
def audit() -> None:
    """The record of who ended what."""


@audit.command("show")
@click.argument("request_id")
@CONFIG
def audit_show(request_id: str, config: Path) -> None:
    """What one call did: every session with its outcome. The id is the answer's X-Request-Id."""
    from vacate.cli.audit import show

    run(show(config, request_id))


@audit.command("list")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many events.")
@CONFIG
def audit_list(limit: int, config: Path) -> None:
    """The last events, newest first: one line each, with the id that `audit show` wants."""
    from vacate.cli.audit import show_last

    run(show_last(config, limit))


@audit.command("search")
@click.option("--pid", type=_NUMBER, help="The process that served the session.")
@click.option("--session-id", type=_NUMBER, help="The server's own id of the session.")
@click.option("--backend-start", type=Moment(), help="When the session began, exactly.")
@click.option("--user", help="The session's user.")
@click.option("--database", help="The session's database.")
@click.option("--client", help="The address of the session's client.")
@click.option("--operator", help="The name of whoever acted.")
@click.option("--plan", help="The plan's id.")
@click.option(
    "--since", type=Moment(), help="Written then or later: 1h ago, or a time, in UTC unless it says otherwise."
)
@click.option("--until", type=Moment(), help="Written before then; as --since.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True, help="How many events.")
@CONFIG
def audit_search(  # noqa: PLR0913 - one parameter for each option.
    *,
    pid: int | None,
    session_id: int | None,
    backend_start: datetime | None,
    user: str | None,
    database: str | None,
    client: str | None,
    operator: str | None,
    plan: str | None,
    since: datetime | None,
    until: datetime | None,
    limit: int,
    config: Path,
) -> None:
    """Who ended my session, and why? All that is given must hold; the newest event comes first."""
    from vacate.cli.audit import search
    from vacate.domain.audit.record import AuditQuery

    query = AuditQuery(
        pid=pid,
        session_id=session_id,
        backend_start=backend_start,
        user=user,
        database=database,
        client=client,
        operator=operator,
        plan_id=plan,
        since=since,
        until=until,
        limit=limit,
    )
    if not run(search(config, query)):
        fail("the audit has no such event")


@audit.command("verify")
@click.option(
    "--anchor",
    "anchors",
    multiple=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="One more file that the last event was anchored in.",
)
@click.option("--expect", multiple=True, metavar="ID:DIGEST", help="An event that a log line or a person remembers.")
@click.option(
    "--file", "export", type=click.Path(dir_okay=False, path_type=Path), help="Prove an export instead of the store."
)
@CONFIG
def audit_verify(anchors: tuple[Path, ...], expect: tuple[str, ...], export: Path | None, config: Path) -> None:
    """Prove that no event was changed, removed, added or moved. Exit status 1 when one was."""
    from vacate.cli.audit import prove, verdict_on

    found = run(prove(config, anchors, expect, export))
    say(*verdict_on(found))
    if found.problem is not None:
        sys.exit(1)


@audit.command("acknowledge")
@click.argument("lost", metavar="ID:DIGEST")
@click.option("--reason", required=True, help="What was found out; it is kept in the audit.")
@CONFIG
def audit_acknowledge(lost: str, reason: str, config: Path) -> None:
    """Accept that the chain has lost an event, and allow kills again.

    ID:DIGEST is the event as the alarm names it. Find out first who changed the store, and keep a copy of it.
    """
    from vacate.cli.audit import acknowledge

    say(run(acknowledge(config, lost, reason)))


@audit.command("reindex")
@CONFIG
def audit_reindex(config: Path) -> None:
    """Make the search index anew from the events, where `audit verify` finds that it is not what they say."""
    from vacate.cli.audit import reindex

    say(f"the search index has {run(reindex(config))} events")


@audit.command("export")
@click.option("--format", "kind", type=click.Choice(["jsonl", "csv"]), default="jsonl", show_default=True)
@click.option(
    "--since", type=Moment(), help="Written then or later: 1h ago, or a time, in UTC unless it says otherwise."
)
@click.option("--until", type=Moment(), help="Written before then; as --since.")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A file that must not exist yet.  [default: standard output]",
)
@CONFIG
def audit_export(kind: str, since: datetime | None, until: datetime | None, output: Path | None, config: Path) -> None:
    """Take events away: as JSON lines, whose chain can be proved, or as CSV with a line a session."""
    from vacate.cli.audit import export

    count = run(export(config, kind, since, until, output))
    tell(f"{count} events")


@audit.command("prune")
@click.option(
    "--before",
    "--older-than",
    "times",
    required=True,
    multiple=True,
    type=Moment(),
    help="Remove what was written before then: a time, or how long ago, such as 400d.",
)
@CONFIG
def audit_prune(times: tuple[datetime, ...], config: Path) -> None:
    """Remove the oldest events. The chain says so, and can still be proved."""
    from vacate.cli.audit import prune

    if len(times) != 1:
        raise click.UsageError("say once before when: --before and --older-than mean the same")
    say(f"removed {run(prune(config, times[0]))} events")
