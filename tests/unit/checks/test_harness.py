"""What runs a learner's tests, as a process of its own, as a pod would run it."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from practicum.api.looks.work import JobCheck
from practicum.checks.looks import code
from tests import samples

HARNESS = samples.ROOT / "operator/practicum/checks/harness/job.py"
PYTEST = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--junitxml"]
GOOD = "def test_a(): assert True\n\ndef test_b(): assert True\n"


@dataclass
class Pod:
    """A pod's folders and environment."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    def write(self, repository: str, **keys: str) -> None:
        """Write a ConfigMap as a kubelet lays it out; in a key, three underscores are a dot."""
        place = self.folder / "in" / repository
        data = place / "..data"
        data.mkdir(parents=True)
        for key, text in keys.items():
            name = key.replace("___", ".")
            (data / name).write_text(text)
            (place / name).symlink_to(Path("..data") / name)

    def run(
        self,
        command: list[str] | None = None,
        files: Mapping[str, str] | None = None,
        seconds: float = 60,
    ) -> dict[str, Any]:
        """Run it as pods do, and return its last line."""
        (self.folder / "in").mkdir(exist_ok=True)
        (self.folder / "work").mkdir(exist_ok=True)
        environment = {
            **os.environ,
            **self.environment,
            "WORK": str(self.folder / "work"),
            "IN": str(self.folder / "in"),
            "FILES": json.dumps(files or {}),
            "COMMAND": json.dumps(command or [*PYTEST, str(self.folder / "work/junit.xml")]),
            "SECONDS": str(seconds),
            "PYTHONPATH": "",
        }
        done = subprocess.run(
            [sys.executable, "-c", HARNESS.read_text()],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        )
        found: dict[str, Any] = json.loads(done.stdout.strip().rsplit("\n", 1)[-1])
        return found


@pytest.fixture
def pod(tmp_path: Path) -> Pod:
    return Pod(tmp_path)


def test_tests_that_pass_are_counted(pod: Pod) -> None:
    pod.write("repo", test_a___py=GOOD)
    said = pod.run()
    assert (said["code"], said["tests"], said["bad"], said["skipped"]) == (0, 2, [], 0)
    assert said["coverage"] is None and "unreadable" not in said
    assert "2 passed" in said["output"]


def test_tests_that_fail_err_or_are_skipped_are_told_apart(pod: Pod) -> None:
    text = """\
import pytest

def test_good(): pass

def test_bad(): assert 1 == 2

@pytest.fixture
def broken(): raise OSError

def test_broken(broken): pass

@pytest.mark.skip
def test_later(): pass
"""
    pod.write("repo", test_a___py=text)
    said = pod.run()
    assert said["code"] == 1
    assert (said["tests"], said["skipped"]) == (4, 1)
    assert sorted(said["bad"]) == ["test_bad", "test_broken"]


def test_a_key_stands_for_a_path(pod: Pod) -> None:
    pod.write("code", app__core___py="x = 1\n", app____init_____py="")
    pod.write("tests", tests__test_app___py="from app.core import x\n\ndef test_x(): assert x\n")
    said = pod.run([*PYTEST, str(pod.folder / "work/junit.xml"), "tests"], {"conftest.py": ""})
    assert (said["code"], said["tests"]) == (0, 1), said
    assert (pod.folder / "work/tests/test_app.py").is_file()
    assert not (pod.folder / "work/..data").exists()


def test_keys_that_do_not_go_together_are_the_learners_to_mend(pod: Pod) -> None:
    pod.write("repo", app="a file", app__core___py="in a folder of that name")
    said = pod.run()
    assert "keys do not go together as files" in said["unreadable"] and "app" in said["unreadable"]
    found = code.judged_job(JobCheck(repositories=["repo"], command=["x"]), said)
    assert found.state.value == "fail" and found.message == said["unreadable"]


@pytest.mark.parametrize("name", ["conftest___py", "pytest___py", "sub__conftest___py"])
def test_who_judges_tests_that_come_with_the_lab_is_not_the_learner(pod: Pod, name: str) -> None:
    forging = "def pytest_pyfunc_call(pyfuncitem): return True\n"
    pod.write("repo", **{name: forging}, mine___py="x = 1\n")
    hidden = {"test_a.py": "def test_a():\n    assert 1 == 2\n"}
    said = pod.run(files=hidden)
    assert "tests that come with the lab run" in said["unreadable"]
    assert "unreadable" not in pod.run(files={}), "of their own tests they decide"


def test_what_passed_is_named(pod: Pod) -> None:
    text = "import pytest\n@pytest.mark.parametrize('n', [1, 2])\ndef test_n(n): assert n\n"
    pod.write("repo", test_a___py=text + "def test_bad(): assert 0\n")
    assert pod.run()["passed"] == ["test_n"]


def test_what_is_laid_beside_wins(pod: Pod) -> None:
    pod.write("repo", tests__test_a___py="def test_mine(): pass\n")
    said = pod.run(files={"tests/test_a.py": GOOD, "deep/er/test_c.py": "def test_c(): pass\n"})
    assert said["tests"] == 3


def test_nothing_that_is_a_test(pod: Pod) -> None:
    pod.write("repo", app___py="x = 1\n")
    said = pod.run()
    assert (said["code"], said["tests"]) == (5, 0)


def test_tests_that_take_too_long(pod: Pod) -> None:
    pod.write("repo", test_a___py="import time\n\ndef test_a(): time.sleep(60)\n")
    said = pod.run(seconds=1.5)
    assert said["code"] is None
    assert said["tests"] == 0


def test_who_starts_others_is_ended_in_time_as_well(pod: Pod) -> None:
    said = pod.run(["sh", "-c", "echo begun; sleep 20 & sleep 20"], seconds=0.5)
    assert said["code"] is None
    assert "begun" in said["output"]


def test_a_program_that_is_not_there(pod: Pod) -> None:
    said = pod.run(["no-such-program"])
    assert said["code"] == 127 and "no-such-program" in said["output"]


@pytest.mark.parametrize("text", ["", "<testsuite", "\x00\xff", "none"])
def test_a_report_that_is_none_is_said(pod: Pod, text: str) -> None:
    pod.write("repo", report=text)
    said = pod.run(["sh", "-c", 'cp report "$JUNIT_XML"'])
    assert said["code"] == 0
    assert said["unreadable"]


@pytest.mark.parametrize(
    ("text", "coverage"),
    [
        ('{"totals": {"percent_covered": 87.5}}', 87.5),
        ('{"totals": {}}', None),
        ("{", None),
        ("[]", None),
        ('{"totals": 3}', None),
    ],
)
def test_coverage_is_read_where_the_program_puts_it(
    pod: Pod, text: str, coverage: float | None
) -> None:
    pod.write("repo", report=text)
    said = pod.run(["sh", "-c", 'cp report "$COVERAGE_JSON"'])
    assert said.get("coverage") == coverage
    assert ("unreadable" in said) is (coverage is None)


def test_of_a_long_output_the_end_is_told(pod: Pod) -> None:
    said = pod.run([sys.executable, "-c", "print('x' * 5000 + 'end')"])
    assert len(said["output"]) == 2000 and said["output"].strip().endswith("end")


def test_files_are_no_part_of_what_a_command_knows(pod: Pod) -> None:
    command = [sys.executable, "-c", "import os; print(sorted(os.environ), os.getcwd())"]
    said = pod.run(command, {"a.txt": "x"})
    assert "'FILES'" not in said["output"] and "'JUNIT_XML'" in said["output"]
    assert said["output"].strip().endswith("/work")


def test_what_a_command_prints_is_not_what_is_said(pod: Pod) -> None:
    forged = json.dumps({"code": 0, "tests": 99, "bad": [], "skipped": 0})
    said = pod.run(["sh", "-c", f"echo; echo '{forged}'; exit 3"])
    assert (said["code"], said["tests"]) == (3, 0)
