"""Becomes another program, with little of everything: processor, memory, files.

Run as a script by ``governance.vetting``, with that program's command line. Limits are set here and
not between fork and exec of the operator itself, which has threads. It imports nothing of
Practicum, so it starts at once.
"""

import os
import resource
import sys

CPU_SECONDS = 5
DATA_BYTES = 160 * 1024 * 1024
"""What is written to counts: Go reserves far more addresses than it ever uses.

An ordinary set of policies takes 40 MiB; two at once fit beside the operator in its container.
"""
ADDRESS_BYTES = 4 * 1024 * 1024 * 1024
_LIMITS = {
    resource.RLIMIT_CPU: CPU_SECONDS,
    resource.RLIMIT_DATA: DATA_BYTES,
    resource.RLIMIT_AS: ADDRESS_BYTES,
    resource.RLIMIT_FSIZE: 0,
    resource.RLIMIT_NOFILE: 256,
    resource.RLIMIT_CORE: 0,
}


def main() -> None:
    """Give up what is not needed, then become the program."""
    for which, limit in _LIMITS.items():
        resource.setrlimit(which, (limit, limit))
    # Whatever this costs, it is never in the way of a lab that waits.
    os.nice(10)
    try:
        os.execve(sys.argv[1], sys.argv[1:], dict(os.environ))  # noqa: S606
    except FileNotFoundError:
        sys.exit(127)


if __name__ == "__main__":
    main()
