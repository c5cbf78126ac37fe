"""``practicum template init``: a module to begin with, which works as it is."""

import shutil
from pathlib import Path

from practicum.catalog.pack import SHARED
from practicum.cli import output
from practicum.cli.exits import CliError, Exit


def init(folder: Path) -> None:
    """Write a small module that passes its own test.

    Raises:
        CliError: there is something already, or it cannot be written.
    """
    if folder.exists() and any(folder.iterdir()):
        raise CliError(f"{folder} is not empty", hint="choose another", code=Exit.CONFLICT)
    try:
        shutil.copytree(SHARED / "starter/module", folder, dirs_exist_ok=True)
    except OSError as error:
        raise CliError(f"{folder}: {error}", hint="choose another") from error
    output.line(f"{folder}: a module that works; change it, then: practicum template lint {folder}")
