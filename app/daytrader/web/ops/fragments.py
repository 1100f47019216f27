"""The live part of the operations page: its fragments, as they change."""

from typing import Final

from daytrader.web.ops.board import FRAGMENTS, Board
from daytrader.web.ops.operations import Operations
from daytrader.web.page.view import text

_NO_LOOK: Final = -1


class Fragments:
    """A source of events: all fragments at once, and then each whenever it has changed."""

    waits: Final = False

    def __init__(self, operations: Operations) -> None:
        self._operations = operations
        self._shown = _NO_LOOK
        self._sent: dict[str, str] = {}
        operations.recorder.watch()

    async def __anext__(self) -> str:
        """Return the HTML of the fragments that are not as they were sent last, in one line."""
        while True:
            look = await self._operations.recorder.newer(self._shown)
            board = await self._operations.board()
            self._shown = look
            if changed := self._changed(board):
                return changed

    def _changed(self, board: Board) -> str:
        changed = []
        for name in FRAGMENTS:
            fragment = text(f"ops/{name}.html", board=board).replace("\n", " ")
            if self._sent.get(name) != fragment:
                self._sent[name] = fragment
                changed.append(fragment)
        return "".join(changed)

    async def aclose(self) -> None:
        """Let the parts be."""
        self._operations.recorder.unwatch()
