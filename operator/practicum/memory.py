"""What was found out before and costs too much to find out at every look."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

Value = TypeVar("Value")

_KEPT: Final = 1024


class Memory(Generic[Value]):
    """The most recent answers, by a digest of all that they depend on."""

    def __init__(self, most: int = _KEPT) -> None:
        """Choose how many are kept."""
        self._known: OrderedDict[str, Value] = OrderedDict()
        self._most = most

    async def recall(self, key: str, find_out: Callable[[], Awaitable[Value]]) -> Value:
        """Return what is known, or find it out; what is raised is not remembered."""
        if key not in self._known:
            self._known[key] = await find_out()
            while len(self._known) > self._most:
                self._known.popitem(last=False)
        self._known.move_to_end(key)
        return self._known[key]
