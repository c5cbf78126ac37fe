"""The agent in the node: `python3 -m netpol.agent`, a systemd unit.

Three watches keep the objects, one loop compiles and applies when one changed, a socket answers the
CNI plugin. Nothing is kept on disk: a restart reads all anew while the kernel's table stays in
force. A ruleset that the kernel refuses ends the process, and systemd starts it again.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import re
import socketserver
import ssl
import subprocess
import tempfile
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from .rules import Object, Pod, World, ruleset

KUBECONFIG: Final = Path("/etc/kubernetes/admin.conf")
NETWORK: Final = Path("/etc/cni/net.d/10-practicum.conflist")
SOCKET: Final = "/run/practicum-netpol.sock"
PATHS: Final = {
    "namespaces": "/api/v1/namespaces",
    "pods": "/api/v1/pods",
    "policies": "/apis/networking.k8s.io/v1/networkpolicies",
}
_ALL_AND_CHANGES = (
    "?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
)
_SILENCE_SECONDS, _PAUSE_SECONDS, _ADMIT_SECONDS = 150, 0.2, 20


class State:
    """What the watches saw, what the CNI plugin told, and what the kernel has."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.version, self.done = 0, 0
        self.objects: dict[str, dict[str, Object]] = {}
        self.claims: dict[str, str] = {}
        self.enforced: dict[str, str] = {}

    def admit(self, uid: str, address: str) -> bool:
        """Take a pod's new address and wait until the kernel has the pod's rules."""
        with self.changed:
            others = {a: u for a, u in self.claims.items() if u != uid}
            self.claims = others | {address: uid}
            self.touch()
            return self.changed.wait_for(
                lambda: self.enforced.get(address) == uid, timeout=_ADMIT_SECONDS
            )

    def touch(self) -> None:
        """Wake whoever waits; the caller holds the lock."""
        self.version += 1
        self.changed.notify_all()

    def due(self) -> bool:
        """Whether all is known and some of it not yet applied."""
        return self.version != self.done and self.objects.keys() == PATHS.keys()

    def pods(self) -> dict[str, Object]:
        """Return running pods by address: the plugin's word goes before the API server's."""
        running = {uid: pod for uid, pod in self.objects["pods"].items() if _has_address(pod)}
        told = {a: running[uid] for a, uid in self.claims.items() if uid in running}
        quiet = running.keys() - set(self.claims.values())
        known = {running[uid]["status"].get("podIP", ""): running[uid] for uid in quiet}
        return {address: pod for address, pod in (known | told).items() if address}


def _has_address(pod: Object) -> bool:
    """A pod that ends still runs; one that has ended has given its address back."""
    ended = pod["status"].get("phase") in ("Succeeded", "Failed")
    return not ended and not pod["spec"].get("hostNetwork")


def apply(state: State, pod_range: str) -> None:
    """Apply the rules again and again, each time that something changed."""
    text = ""
    while True:
        with state.changed:
            state.changed.wait_for(state.due)
            pods, before = state.pods(), text
            text = ruleset(_world(state, pods), pod_range)
            state.done = state.version
        if text != before:
            subprocess.run(["nft", "-f", "-"], input=text, text=True, check=True)
        with state.changed:
            state.enforced = {address: pod["metadata"]["uid"] for address, pod in pods.items()}
            state.changed.notify_all()


def _world(state: State, pods: dict[str, Object]) -> World:
    spaces = (space["metadata"] for space in state.objects["namespaces"].values())
    return World(
        [_pod(address, pods[address]) for address in sorted(pods)],
        {meta["name"]: meta.get("labels", {}) for meta in spaces},
        list(state.objects["policies"].values()),
    )


def _pod(address: str, body: Object) -> Pod:
    spec, meta = body["spec"], body["metadata"]
    containers = [*spec["containers"], *spec.get("initContainers", [])]
    ports = [port for each in containers for port in each.get("ports", []) if "name" in port]
    numbers = {(port.get("protocol", "TCP"), port["name"]): port["containerPort"] for port in ports}
    return Pod(address, meta["namespace"], meta.get("labels", {}), numbers)


def watch(state: State, kind: str) -> None:
    """Follow one kind of object; every break of the line starts from the whole list again."""
    while True:
        try:
            with closing(_connect()) as connection:
                connection.request("GET", PATHS[kind] + _ALL_AND_CHANGES)
                _follow(state, kind, connection.getresponse())
        except (OSError, http.client.HTTPException, ValueError) as error:
            print(f"{kind}: {error}", flush=True)
        time.sleep(_PAUSE_SECONDS)


def _follow(state: State, kind: str, response: http.client.HTTPResponse) -> None:
    if response.status != http.HTTPStatus.OK:
        raise ValueError(f"{response.status} {response.reason}")
    objects: dict[str, Object] = {}
    for line in response:
        event = json.loads(line)
        meta = event["object"].get("metadata", {})
        with state.changed:
            if event["type"] == "BOOKMARK":
                if "k8s.io/initial-events-end" in meta.get("annotations", {}):
                    state.objects[kind] = objects
                    state.touch()
                continue
            if event["type"] == "ERROR":
                raise ValueError(event["object"].get("message"))
            objects.pop(meta["uid"], None)
            if event["type"] != "DELETED":
                objects[meta["uid"]] = event["object"]
            if state.objects.get(kind) is objects:
                state.touch()


def _connect() -> http.client.HTTPSConnection:
    text = KUBECONFIG.read_text(encoding="utf-8")
    fields = dict(re.findall(r"^ *([a-z-]+): (\S+)$", text, re.MULTILINE))
    authority = base64.b64decode(fields["certificate-authority-data"]).decode()
    context = ssl.create_default_context(cadata=authority)
    with tempfile.NamedTemporaryFile() as file:
        for name in ("client-certificate-data", "client-key-data"):
            file.write(base64.b64decode(fields[name]))
        file.flush()
        context.load_cert_chain(file.name)
    server = urlsplit(fields["server"])
    return http.client.HTTPSConnection(
        str(server.hostname), server.port, timeout=_SILENCE_SECONDS, context=context
    )


def _give_up(trouble: threading.ExceptHookArgs) -> None:
    """A watch that nobody expected to end would leave rules that no longer change."""
    print(f"{trouble.thread}: {trouble.exc_value!r}", flush=True)
    os._exit(1)


def main() -> None:
    """Start the watches and the socket, then apply until something breaks."""
    state = State()
    threading.excepthook = _give_up

    class Admission(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            asked = json.loads(self.rfile.readline())
            if state.admit(asked["uid"], asked["address"]):
                self.wfile.write(b"in force\n")

    Path(SOCKET).unlink(missing_ok=True)
    os.umask(0o077)
    server = socketserver.ThreadingUnixStreamServer(SOCKET, Admission)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for kind in PATHS:
        threading.Thread(target=watch, args=(state, kind), daemon=True).start()
    plugins = json.loads(NETWORK.read_text(encoding="utf-8"))["plugins"]
    apply(state, plugins[0]["ipam"]["ranges"][0][0]["subnet"])


if __name__ == "__main__":
    main()
