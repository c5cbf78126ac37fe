"""The one error type that the command line turns into a plain sentence."""

from __future__ import annotations


class ClusterError(RuntimeError):
    """Something is missing or failed; the message tells a person what to do."""
