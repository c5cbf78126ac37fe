"""``practicum open``: a local address for a service of the lab, for as long as it runs."""

import asyncio
import os
from dataclasses import dataclass
from urllib.parse import urlsplit

from practicum import errors
from practicum.cli import output
from practicum.cli.exits import CliError, Exit
from practicum.cli.session import Object, Session

_LOCAL = "127.0.0.1"
_RETRIES = 20
_PAUSE = 0.5


@dataclass(frozen=True)
class Target:
    """Where a service really listens, and how its address ends."""

    service: str
    namespace: str
    pod: str
    port: int
    path: str

    def command(self, local: int) -> str:
        """Return what does the same with kubectl."""
        return f"kubectl port-forward -n {self.namespace} pod/{self.pod} {local}:{self.port}"


async def open_service(session: Session, lab: str, service: str, port: int, show: bool) -> None:
    """Forward a local port to a service until interrupted.

    Args:
        session: the connection.
        lab: name of the lab.
        service: name of the service, as in ``status.services``.
        port: local port, 0 to choose.
        show: only print the addresses and the equivalent kubectl command.
    """
    body = await session.lab(lab)
    target = await _exact(session, find(body, service))
    if show:
        url = next(one["url"] for one in body["status"]["services"] if one["name"] == service)
        output.line(f"in the lab     {url}")
        output.line(f"from outside   {target.command(port or target.port)}")
        output.line(f"login          {_login_hint(lab, service)}")
        return
    server = await _listen(session, target, port)
    local = server.sockets[0].getsockname()[1]
    async with server:
        output.line(f"http://localhost:{local}{target.path}")
        output.note(f"login: {_login_hint(lab, service)}")
        output.note("Ctrl-C ends this")
        await server.serve_forever()


def find(lab: Object, service: str) -> Target:
    """Return where a service is, as the lab's status tells it.

    Raises:
        CliError: the lab has no such service, or has not said where it runs.
    """
    name, status = lab["metadata"]["name"], lab.get("status", {})
    services = {one["name"]: one for one in status.get("services", [])}
    if service not in services:
        known = ", ".join(services) or "none yet"
        text = f"lab {name} has no service {service}"
        raise CliError(text, hint=f"it has: {known}", code=Exit.NOT_FOUND)
    url = urlsplit(services[service]["url"])
    labels = (url.hostname or "").split(".")
    spaces = status.get("namespaces", [])
    platform = [one for one in spaces if one.endswith("-platform")]
    named = [one for one in labels[1:2] if one in spaces]
    if not (where := named or platform):
        raise CliError(f"lab {name} has no namespaces yet: wait until it is provisioned")
    pod = services[service].get("pod") or f"{service}-0"
    return Target(service, where[0], pod, url.port or 80, url.path or "/")


async def _exact(session: Session, target: Target) -> Target:
    """Return the target with the pod's own port, which a Service may call differently."""
    try:
        service = await session.kube.find("Service", target.namespace, target.service)
        pod = await session.kube.find("Pod", target.namespace, target.pod)
    except errors.Forbidden:
        return target
    port = container_port(target.port, service or {}, pod or {})
    return Target(target.service, target.namespace, target.pod, port, target.path)


def container_port(port: int, service: Object, pod: Object) -> int:
    """Follow a Service's port to the number that the container listens on."""
    ports = service.get("spec", {}).get("ports", [])
    wanted = next((one.get("targetPort", port) for one in ports if one["port"] == port), port)
    if isinstance(wanted, int):
        return wanted
    for container in pod.get("spec", {}).get("containers", []):
        for declared in container.get("ports", []):
            if declared.get("name") == wanted:
                return int(declared["containerPort"])
    return port


async def _listen(session: Session, target: Target, port: int) -> asyncio.Server:
    """Listen on the port asked for; unasked, on the service's own or else any free one."""

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await _carry(session, target, reader, writer)
        except (errors.ApiError, OSError) as error:
            output.note(f"practicum: {_told(target, error)}")
        except asyncio.CancelledError:
            # Only Ctrl-C cancels this task; asyncio of 3.11 prints a traceback if it says so.
            return
        finally:
            writer.close()

    try:
        return await asyncio.start_server(carry, _LOCAL, port or target.port)
    except OSError as error:
        if port:
            text = f"port {port} of this machine: {os.strerror(error.errno or 0).lower()}"
            raise CliError(text, hint="choose another with --port") from error
        return await asyncio.start_server(carry, _LOCAL, 0)


async def _carry(
    session: Session, target: Target, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Carry one connection; while the pod restarts, keep the program waiting for a while."""
    from practicum.kube.portforward import connect

    for attempt in range(_RETRIES):
        try:
            forward = await connect(session.kube, target.namespace, target.pod, target.port)
            break
        except errors.Forbidden:
            raise
        except errors.ApiError as error:
            if attempt == 0:
                output.note(f"waiting for pod {target.pod}: {error}")
            if attempt == _RETRIES - 1:
                raise
            await asyncio.sleep(_PAUSE)
    await forward.run(reader, writer)


def _told(target: Target, error: Exception) -> str:
    """Return what went wrong; a kubelet's words for a closed port fill half a screen."""
    if "connection refused" in str(error):
        return f"pod {target.pod} does not listen on port {target.port} yet: try again in a moment"
    return str(error)


def _login_hint(lab: str, service: str) -> str:
    return f"practicum credentials {lab} --service {service}"
