"""`python3 -m e2e.cluster VERB`: run it from the repository's root."""

from __future__ import annotations

import argparse
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from e2e.cluster import binaries, judge, verbs
from e2e.cluster.cache import Cache
from e2e.cluster.console import elapsed, say
from e2e.cluster.control_plane import ControlPlane
from e2e.cluster.errors import ClusterError
from e2e.cluster.provider import choose
from e2e.cluster.shell import end_commands_on_signals
from e2e.cluster.status import look
from e2e.cluster.versions import GO_SETS


def main() -> int:
    """Parse the command line and run one verb."""
    arguments = _parser().parse_args()
    end_commands_on_signals()
    verb: Callable[[argparse.Namespace, Cache], int] = arguments.run
    try:
        return verb(arguments, Cache.from_environment())
    except ClusterError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _up(arguments: argparse.Namespace, cache: Cache) -> int:
    verbs.up(cache, with_images=arguments.images)
    return 0


def _images(_arguments: argparse.Namespace, cache: Cache) -> int:
    verbs.load(cache)
    return 0


def _down(arguments: argparse.Namespace, cache: Cache) -> int:
    verbs.down(cache, with_cache=arguments.cache)
    return 0


def _status(arguments: argparse.Namespace, cache: Cache) -> int:
    status = look(cache, choose(cache))
    print(status.as_json() if arguments.output == "json" else status.as_text())
    return 0 if status.healthy else 1


def _netpol(arguments: argparse.Namespace, cache: Cache) -> int:
    cases = verbs.judge_network(cache, arguments.focus)
    print(judge.table(cases))
    return 1 if any(case.failed for case in cases) or not cases else 0


def _tools(arguments: argparse.Namespace, cache: Cache) -> int:
    binaries.build_all(cache, tuple(arguments.also))
    for name, path in binaries.host_tools(cache).items():
        print(f"{name:<8} {path}")
    print(f"PATH     {cache.binaries / 'current'}")
    return 0


def _control_plane(arguments: argparse.Namespace, cache: Cache) -> int:
    control_plane = ControlPlane(arguments.dir or cache.root / "control-plane", cache)
    if arguments.action == "stop":
        control_plane.stop()
        return 0
    control_plane.start()
    say("control plane", f"ready in {elapsed():.1f} s")
    print(f"KUBECONFIG={control_plane.kubeconfig}", flush=True)
    if arguments.action == "start":
        control_plane.detach()
        return 0
    try:
        threading.Event().wait()
    finally:
        control_plane.stop()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python3 -m e2e.cluster", description=__doc__)
    verb = parser.add_subparsers(required=True, metavar="VERB")
    up = verb.add_parser("up", help="make sure that a Ready cluster runs")
    up.add_argument("--images", action="store_true", help="build and load the images as well")
    up.set_defaults(run=_up)
    load = verb.add_parser("images", help="build the component images and load them")
    load.set_defaults(run=_images)
    down = verb.add_parser("down", help="remove the cluster")
    down.add_argument("--cache", action="store_true", help="remove everything ever built, too")
    down.set_defaults(run=_down)
    status = verb.add_parser("status", help="say what exists; exit 1 unless healthy")
    status.add_argument("-o", "--output", choices=("text", "json"), default="text")
    status.set_defaults(run=_status)
    netpol = verb.add_parser("netpol", help="let Kubernetes' own cases judge NetworkPolicy")
    netpol.add_argument("--focus", default="", help="regular expression on the cases' names")
    netpol.set_defaults(run=_netpol)
    tools = verb.add_parser("tools", help="make sure of kubectl, helm, kind and opa; print paths")
    # Some versions of argparse take no sets at all for a choice of its own.
    sets = [[], *sorted(GO_SETS)]
    tools.add_argument("also", nargs="*", choices=sets, metavar="SET", help="build these, too")
    tools.set_defaults(run=_tools)
    light = verb.add_parser("control-plane", help="an API server without nodes, no root needed")
    light.add_argument("action", choices=("start", "stop", "run"))
    light.add_argument("--dir", type=Path, help="folder for its data, logs and kubeconfig")
    light.set_defaults(run=_control_plane)
    return parser


if __name__ == "__main__":
    sys.exit(main())
