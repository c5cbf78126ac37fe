#!/usr/bin/python3 -IS
"""CNI plugin, last in the chain: a pod's network is ready once its policies are in force.

Without it a pod would run for a second or two before the API server, and so the agent, learns its
address. When the agent does not answer, the pod does not start, and the kubelet tries again.
"""

import json
import os
import socket
import sys

SOCKET = "/run/practicum-netpol.sock"
SECONDS = 25


def main() -> int:
    """Answer the runtime: only ADD and VERSION have something to say."""
    command, config = os.environ["CNI_COMMAND"], json.load(sys.stdin)
    if command == "VERSION":
        print(json.dumps({"cniVersion": "1.0.0", "supportedVersions": ["1.0.0"]}))
    if command != "ADD":
        return 0
    result = config["prevResult"]
    arguments = dict(pair.split("=", 1) for pair in os.environ["CNI_ARGS"].split(";"))
    address = result["ips"][0]["address"].split("/")[0]
    if trouble := ask({"uid": arguments["K8S_POD_UID"], "address": address}):
        print(json.dumps({"cniVersion": config["cniVersion"], "code": 11, "msg": trouble}))
        return 1
    print(json.dumps(result))
    return 0


def ask(pod: dict[str, str]) -> str:
    """Return what stands in the way; empty once the agent enforces the pod's policies."""
    try:
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(SECONDS)
            line.connect(SOCKET)
            line.sendall(json.dumps(pod).encode() + b"\n")
            return "" if line.recv(64) else "network policies are not in force in time"
    except OSError as error:
        return f"NetworkPolicy agent: {error}"


if __name__ == "__main__":
    sys.exit(main())
