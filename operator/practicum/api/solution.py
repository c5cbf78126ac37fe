"""What the solution of a module is told about the lab that it solves, by its environment."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Final, Self

_VARIABLE: Final = "PRACTICUM_SOLVE"


@dataclass(frozen=True)
class Place:
    """A lab, and the credentials that go with it."""

    lab: str
    course: str
    namespaces: Mapping[str, str]
    """By side."""
    kubeconfig: str
    """The learner's: a path."""
    staff_kubeconfig: str
    """The instructor's: a path."""
    logins: list[dict[str, str]]
    folder: str
    """The module's."""

    @classmethod
    def from_environment(cls) -> Self:
        """Read what ``environment`` wrote.

        Raises:
            KeyError: nobody did.
        """
        return cls(**json.loads(os.environ[_VARIABLE]))

    def environment(self) -> dict[str, str]:
        """Return it as a variable of the environment."""
        return {_VARIABLE: json.dumps(asdict(self))}
