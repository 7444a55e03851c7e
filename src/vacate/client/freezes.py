"""The freeze switch of an instance: on, off, and what stands."""

from vacate.api.admin import freezes
from vacate.api.admin.freezes import FreezeRow, TurnedAnswer
from vacate.client.calling import Caller
from vacate.client.driving import call
from vacate.client.exchange import Flow


class Freezes(Caller):
    """The calls about the freeze switch."""

    @call
    def list_freezes(self) -> Flow[list[FreezeRow]]:
        """List the frozen instances of the project, the oldest freeze first.

        Raises:
            RefusedError: the service refused the call.
            ClientError: no answer came, or none that can be read.
        """
        answer = yield from self._ask(freezes.LIST_FREEZES, freezes.FreezeList)
        return answer.freezes

    @call
    def freeze_instance(self, instance_id: str, reason: str) -> Flow[TurnedAnswer]:
        """Freeze an instance: nobody's session is ended there any more, and a sweep under way stops.

        Args:
            instance_id: The instance.
            reason: Why, for everybody whose call is refused: one line.

        Returns:
            Whether this call turned the switch, and what stands now.

        Raises:
            NoAnswerError: no answer came; `list_freezes` says what stands.
            RefusedError: the service refused the call.
            ClientError: the service was not reached, or its answer cannot be read.
        """
        return (
            yield from self._ask(
                freezes.FREEZE,
                TurnedAnswer,
                path={"instance_id": instance_id},
                body=freezes.FreezeRequest(reason=reason),
            )
        )

    @call
    def thaw_instance(self, instance_id: str) -> Flow[TurnedAnswer]:
        """Freeze an instance no longer.

        Args:
            instance_id: The instance.

        Returns:
            Whether this call turned the switch, and what stood until now.

        Raises:
            NoAnswerError: no answer came; `list_freezes` says what stands.
            RefusedError: the service refused the call.
            ClientError: the service was not reached, or its answer cannot be read.
        """
        return (yield from self._ask(freezes.THAW, TurnedAnswer, path={"instance_id": instance_id}))
