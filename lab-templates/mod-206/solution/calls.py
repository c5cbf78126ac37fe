"""Runs in the workbench: lays the SDK out in /lab/sdk, and calls the platform as one caller.

Standard input is JSON: files by path, the caller's token, and commands to run. What the last one
says is printed.
"""

import io
import json
import os
import sys
from contextlib import redirect_stdout
from pathlib import Path

asked = json.load(sys.stdin)
for name, text in asked["files"].items():
    path = Path("/lab/sdk") / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
sys.path.insert(0, "/lab/sdk")
os.environ.update(PLATFORM_URL="http://learner-api:8000", PLATFORM_TOKEN=asked["token"])

from platform_sdk import cli  # noqa: E402 - it was only now laid out

said = io.StringIO()
for words in asked["commands"]:
    said = io.StringIO()
    with redirect_stdout(said):
        cli.app(words, standalone_mode=False)
sys.stdout.write(said.getvalue())
