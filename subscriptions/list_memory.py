"""Lists that this process has just read, so that paging through a long one need not decrypt and decode it each time.

A list is found by the very ciphertext that the database holds now: what is gone there is never given out.
"""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable

from .answers import Subscription

_MOST = 10_000  # subscriptions, some 5 MB; one list may have more


class ListMemory:
    """The lists that were used last, as many as fit."""

    def __init__(self) -> None:
        self._lock, self._lists = threading.Lock(), OrderedDict[tuple[str, bytes], list[Subscription]]()

    def get(self, key: str, sealed: str, decode: Callable[[], list[Subscription]]) -> list[Subscription]:
        """Return the list that a person's ciphertext stands for: from memory, or decoded. Raises what `decode` raises.

        It is shared: nobody may change it. The person's older lists are forgotten, and what was not used for longest.
        """
        name = key, hashlib.sha256(sealed.encode()).digest()
        with self._lock:
            found = self._lists.get(name)
        found = decode() if found is None else found
        with self._lock:
            for older in [each for each in self._lists if each[0] == key]:
                del self._lists[older]
            self._lists[name] = found
            while len(self._lists) > 1 and sum(len(each) + 1 for each in self._lists.values()) > _MOST:
                self._lists.popitem(last=False)
        return found
