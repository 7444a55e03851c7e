"""What a sweep's report becomes on the wire: the ids of the ended sessions, and the counts in a header."""

from vacate.domain.sweeps.report import Report

OUTCOMES_HEADER = "X-Vacate-Outcomes"


def outcomes(report: Report) -> dict[str, str]:
    """The header with the counts; named sessions that were not there are counted as `absent`.

    The boolean is all that the contract has room for; the counts ride in a header that no client minds.
    """
    counts = {str(outcome): count for outcome, count in report.counts.items()}
    if report.absent:
        counts["absent"] = len(report.absent)
    return {OUTCOMES_HEADER: ", ".join(f"{name}={count}" for name, count in sorted(counts.items()))}


def ended(report: Report) -> list[str]:
    """The ids of the sessions that were seen to be gone."""
    return [str(session_id) for session_id in report.terminated]
