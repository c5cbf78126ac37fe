"""Runs a learner's tests in a pod on their side; says what came of it as one line of JSON.

It runs as ``python3 -c`` in the workbench's image, so it imports nothing of Practicum. A key of a
ConfigMap has no folders: ``tests__test_api.py`` becomes ``tests/test_api.py``.
"""

import json
import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

WORK, IN = Path(os.environ.get("WORK", "/work")), Path(os.environ.get("IN", "/in"))
JUNIT, COVERAGE = WORK / "junit.xml", WORK / "coverage.json"
TOLD = 2000
RESERVED = ("conftest", "pytest", "_pytest", "pluggy", "sitecustomize", "usercustomize")
"""Modules of these names would decide how tests of others' end."""


def lay_out():
    files = json.loads(os.environ["FILES"])
    others = any(Path(name).name.startswith("test_") for name in files)
    for source in sorted(IN.glob("*/*")):
        if source.is_file() and not source.name.startswith("."):
            target = WORK / source.name.replace("__", "/")
            names = {part.split(".")[0] for part in target.relative_to(WORK).parts}
            if others and names & set(RESERVED):
                raise OSError("leave out %s here: tests that come with the lab run" % source.name)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
    for name, text in files.items():
        target = WORK / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")


def run(command, seconds):
    environment = dict(os.environ, JUNIT_XML=str(JUNIT), COVERAGE_JSON=str(COVERAGE))
    environment.pop("FILES")
    try:
        done = subprocess.run(
            command,
            cwd=WORK,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        return None, (error.stdout or b"").decode("utf-8", "replace")
    except OSError as error:
        return 127, str(error)
    return done.returncode, done.stdout.decode("utf-8", "replace")


def counted():
    cases = list(ElementTree.parse(JUNIT).iter("testcase")) if JUNIT.is_file() else []
    ended = {how: [] for how in ("failure", "error", "skipped", "passed")}
    for case in cases:
        how = next((one for one in ended if case.find(one) is not None), "passed")
        ended[how].append(case.get("name", ""))
    bad = ended["failure"] + ended["error"]
    passed = sorted({name.split("[")[0] for name in ended["passed"]})
    skipped = len(ended["skipped"])
    return {"tests": len(cases), "bad": bad[:20], "skipped": skipped, "passed": passed[:200]}


def covered():
    if not COVERAGE.is_file():
        return None
    return json.loads(COVERAGE.read_text(encoding="utf-8"))["totals"]["percent_covered"]


def ran():
    try:
        lay_out()
    except OSError as error:
        return {"code": 1, "unreadable": "keys do not go together as files: %s" % error}
    code, output = run(json.loads(os.environ["COMMAND"]), float(os.environ["SECONDS"]))
    said = {"code": code, "output": output[-TOLD:]}
    try:
        said.update(counted(), coverage=covered())
    except (ElementTree.ParseError, ValueError, KeyError, TypeError) as error:
        said["unreadable"] = str(error)
    return said


def main():
    said = ran()
    sys.stdout.write("\n" + json.dumps(said) + "\n")


main()
