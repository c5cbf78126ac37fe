"""Counts the learner's tests that assert something; too few of them are told as a test that fails.

What a test module does does not matter here: it is read, and not run.
"""

import ast
import os
import sys
from pathlib import Path
from xml.sax.saxutils import quoteattr

NAMES = ("test_*.py", "*_test.py")
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def asserts(node):
    if isinstance(node, ast.Assert):
        return not isinstance(node.test, ast.Constant)
    if not isinstance(node, ast.Call):
        return False
    called = getattr(node.func, "attr", getattr(node.func, "id", ""))
    return called == "raises" or called.startswith("assert")


def is_test(node):
    return isinstance(node, DEFINITIONS) and node.name.startswith("test")


def tests_of(path):
    """Names of tests that assert something: functions, and methods of classes."""
    try:
        body = ast.parse(path.read_text(encoding="utf-8")).body
    except (SyntaxError, ValueError):
        return
    scopes = [("", body), *((one.name, one.body) for one in body if isinstance(one, ast.ClassDef))]
    for scope, nodes in scopes:
        for node in nodes:
            if is_test(node) and any(map(asserts, ast.walk(node))):
                yield path, scope, node.name


def main(needed):
    paths = {path for name in NAMES for path in Path("tests").rglob(name)}
    found = {test for path in paths for test in tests_of(path)}
    if len(found) >= needed:
        return 0
    text = f"{len(found)} of your tests assert something, {needed} are needed"
    case = f"<testcase name={quoteattr(text)}><failure/></testcase>"
    Path(os.environ["JUNIT_XML"]).write_text(f"<testsuite>{case}</testsuite>", encoding="utf-8")
    return text


sys.exit(main(int(sys.argv[1])))
