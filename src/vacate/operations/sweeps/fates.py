"""What becomes of the sessions of one sweep: answers come in, outcomes with their reasons come out."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from vacate.domain.judging.verdicts import Verdict
from vacate.domain.sessions.session import SessionKey, Victim
from vacate.domain.sweeps.report import INTENDED, Outcome, SessionOutcome, Signal
from vacate.operations.ports import Signalled


class Fates:
    """What is known of each session of one sweep, as it becomes known."""

    def __init__(self, verdicts: Sequence[Verdict]) -> None:
        # Each verdict makes its victim anew when asked, so all are asked once.
        self._judged = tuple((verdict, verdict.victim) for verdict in verdicts)
        self.victims: tuple[Victim, ...] = tuple(victim for _, victim in self._judged if victim is not None)
        self._answers: dict[SessionKey, Signalled] = {}
        self._in_flight: frozenset[SessionKey] = frozenset()
        self._not_reached = "the sweep ended before its turn"
        self.awaited: frozenset[SessionKey] = frozenset()
        """Signalled or perhaps signalled, and not seen to be gone."""
        self._unseen = "it is still listed"

    def answered(self, answers: Sequence[Signalled]) -> None:
        """Victims had their second read."""
        self._answers.update((answer.key, answer) for answer in answers)
        self.awaited |= {answer.key for answer in answers if answer.signal is Signal.SIGNALLED}

    def out_of_time(self, limit: timedelta) -> None:
        """The others have no turn any more."""
        self.stopped(f"{limit.total_seconds():g} s were over before its turn")

    def stopped(self, reason: str) -> None:
        """The others have no turn any more; `reason` is the words for each of them."""
        self._not_reached = reason

    @property
    def unanswered(self) -> frozenset[SessionKey]:
        """The victims of whom nothing has been heard."""
        return frozenset(victim.key for victim in self.victims) - self._answers.keys()

    def broke_off(self, reason: str, in_flight: frozenset[SessionKey]) -> None:
        """No answer came for those in flight, and nobody else has a turn any more."""
        self._not_reached = f"the sweep broke off before its turn ({reason})"
        self._in_flight = in_flight
        self.awaited |= in_flight

    def seen_present(self, present: frozenset[SessionKey]) -> None:
        """Those awaited were asked for; who is not present is gone."""
        self.awaited &= present
        self._unseen = "it is still listed"

    def not_seen(self, reason: str) -> None:
        """Those awaited could not be asked for."""
        self._unseen = f"whether it is gone could not be seen ({reason})"

    def intended(self) -> tuple[SessionOutcome, ...]:
        """The victims before the first signal: all that is known is that they are to be ended."""
        return tuple(
            SessionOutcome(session=verdict.session, outcome=Outcome.NOT_REACHED, by="sweep", reason=INTENDED)
            for verdict, victim in self._judged
            if victim is not None
        )

    def outcomes(self) -> tuple[SessionOutcome, ...]:
        """What became of each session by now, in the order of the look."""
        return tuple(self._outcome(verdict, victim) for verdict, victim in self._judged)

    def _outcome(self, verdict: Verdict, victim: Victim | None) -> SessionOutcome:
        outcome, by, reason = self._fate(verdict, victim)
        return SessionOutcome(session=verdict.session, outcome=outcome, by=by, reason=reason)

    def _fate(self, verdict: Verdict, victim: Victim | None) -> tuple[Outcome, str, str]:
        if victim is None:
            return Outcome.SPARED, verdict.objections[0].by, verdict.reason
        if victim.key in self._in_flight:
            return self._fate_in_flight(victim)
        answer = self._answers.get(victim.key)
        if answer is None:
            return Outcome.NOT_REACHED, "sweep", self._not_reached
        if answer.signal is not Signal.SIGNALLED:
            return _WITHOUT_SIGNAL[answer.signal], answer.signal, answer.reason
        if victim.key in self.awaited:
            return Outcome.UNCONFIRMED, answer.signal, f"signalled; {self._unseen}"
        return Outcome.TERMINATED, answer.signal, "signalled and seen to be gone"

    def _fate_in_flight(self, victim: Victim) -> tuple[Outcome, str, str]:
        if victim.key in self.awaited:
            return Outcome.UNCONFIRMED, "link", f"no answer came while it was being signalled; {self._unseen}"
        return Outcome.GONE, "link", "no answer came while it was being signalled; it is gone, by whom was not seen"


_WITHOUT_SIGNAL: Mapping[Signal, Outcome] = {
    Signal.GONE: Outcome.GONE,
    Signal.WOKE: Outcome.WOKE,
    Signal.FORBIDDEN: Outcome.REFUSED,
    Signal.PROTECTED: Outcome.SPARED,
}
