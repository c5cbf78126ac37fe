"""Ports of loopback for servers that will be started in a moment.

They are not of the kernel's choosing: what it hands out it may hand out again, to a connection or
to a run beside this one, before the server has come to it.
"""

from __future__ import annotations

import itertools
import os
import socket
from contextlib import suppress

from e2e.cluster.errors import ClusterError

# Below what Linux uses by itself, see ip_local_port_range in ip(7).
_FIRST, _PROCESSES, _EACH = 10_000, 200, 100
_offsets = itertools.cycle(range(_EACH))


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on and that other processes do not look at.

    Raises:
        ClusterError: there are none left.
    """
    first, found = _FIRST + os.getpid() % _PROCESSES * _EACH, []
    for offset in itertools.islice(_offsets, _EACH):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", first + offset))
            found.append(first + offset)
        if len(found) == count:
            return found
    raise ClusterError(
        f"fewer than {count} of the ports {first} to {first + _EACH - 1} of loopback are free: "
        "end what listens there"
    )
