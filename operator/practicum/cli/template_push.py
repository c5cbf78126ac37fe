"""``practicum template push``: a packed module into a course's namespace."""

from practicum.api.names import ANSWERS_SUFFIX
from practicum.cli.apply import MANAGER
from practicum.cli.session import Object, Session


async def push(
    session: Session, body: Object, answers: Object | None, name: str = ""
) -> list[Object]:
    """Apply a packed module in the course's namespace, its answers first."""
    name = name or body["metadata"]["name"]
    made = []
    for one, suffix in ((answers, ANSWERS_SUFFIX), (body, "")):
        if one:
            meta = {"name": f"{name}{suffix}", "namespace": session.namespace}
            made.append(await session.kube.apply({**one, "metadata": meta}, manager=MANAGER))
    return made
