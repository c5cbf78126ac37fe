"""The command itself: where options may stand, what errors look like, what codes mean."""

import base64
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from practicum import errors
from practicum.cli import apply, main, open_verb
from practicum.cli.exits import CliError, Exit, explain_error, sentence
from practicum.kube import person

RUNNER = CliRunner()


@pytest.mark.parametrize(
    ("words", "hoisted"),
    [
        (["get", "-n", "x"], ["-n", "x", "get"]),
        (["-n", "x", "get"], ["-n", "x", "get"]),
        (
            ["get", "ada", "-ojson", "--context=c", "-v"],
            ["-ojson", "--context=c", "-v", "get", "ada"],
        ),
        (["status", "ada", "-w"], ["status", "ada", "-w"]),
        (["apply", "-f", "-", "--namespace", "x"], ["--namespace", "x", "apply", "-f", "-"]),
        (["get", "--", "-n"], ["get", "--", "-n"]),
        (["get", "-n"], ["-n", "get"]),
    ],
)
def test_global_options_may_stand_anywhere(words: list[str], hoisted: list[str]) -> None:
    assert main.hoist(words) == hoisted


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["frob"], "No such command 'frob'"),
        (["status"], "Missing argument"),
        (["apply"], "Missing option"),
        (["get", "--zap"], "No such option"),
        (["get", "-o", "xml"], "--output xml is not one of"),
        (["explain", "ada", "-o", "wide"], "--output wide is not one of table, json, yaml here"),
        (["get", "ada", "-A"], "a lab is in one namespace"),
        (["extend", "ada"], "give either DURATION or --until TIME"),
        (["extend", "ada", "1h", "--until", "18:00"], "give either DURATION or --until TIME"),
        (["extend", "ada", "5x"], "DURATION: '5x' is not a duration"),
        (["status", "ada", "-w", "--timeout", "soon"], "--timeout: 'soon' is not a duration"),
        (["credentials", "ada", "--merge", "--stdout"], "choose one of"),
        (["token", "--lab", "ada", "--user", "u"], "--namespace is needed"),
        (["open", "ada", "mlflow", "--port", "70000"], "--port"),
        (["attest", "ada", "features", "--passed"], "Missing option '--score'"),
        (["attest", "ada", "features", "--score", "a=1/2"], "Missing option '--passed'"),
        (["attest", "ada", "x", "--passed", "--score", "a=one"], "a=one is not CRITERION=N/M"),
        (["attest", "list", "-o", "wide"], "--output wide is not one of"),
    ],
)
def test_a_wrong_call_is_one_line_and_code_2(words: list[str], complaint: str) -> None:
    result = RUNNER.invoke(main.app, words)
    assert result.exit_code == Exit.USAGE
    assert result.stdout == ""
    assert result.stderr.startswith("practicum: ")
    assert complaint in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("words", [["get", "--zap", "-o", "json"], ["-ojson", "extend", "ada"]])
def test_with_json_errors_are_json_too(words: list[str]) -> None:
    result = RUNNER.invoke(main.app, words)
    error = json.loads(result.stderr)["error"]
    assert error["code"] == result.exit_code == Exit.USAGE
    assert error["reason"] == "Usage"


@pytest.mark.parametrize("words", [["--help"], ["get", "-h"], ["template", "lint", "--help"]])
def test_help_names_the_exit_codes(words: list[str]) -> None:
    result = RUNNER.invoke(main.app, words)
    assert result.exit_code == 0
    assert "3 not found" in " ".join(result.stdout.split())


def test_a_missing_kubeconfig_is_named(tmp_path: Path) -> None:
    path = tmp_path / "none.conf"
    result = RUNNER.invoke(main.app, ["--kubeconfig", str(path), "get"])
    assert result.exit_code == Exit.FAILURE
    assert f"no kubeconfig: {path} does not exist" in result.stderr


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (": [", "is not usable"),
        ("{}", "it has no current context"),
        ("current-context: a", "it has no context a; it has: none"),
        ("[]", "is not usable"),
    ],
)
def test_a_spoilt_kubeconfig_is_one_line(text: str, complaint: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.conf"
    path.write_text(text)
    result = RUNNER.invoke(main.app, ["--kubeconfig", str(path), "get"])
    assert result.exit_code == Exit.FAILURE, result.stderr
    assert complaint in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.NotFound(404, "NotFound", "x not found"), Exit.NOT_FOUND),
        (errors.Forbidden(403, "Forbidden", "no"), Exit.FORBIDDEN),
        (errors.ApiError(401, "Unauthorized", "Unauthorized"), Exit.FORBIDDEN),
        (errors.Conflict(409, "Conflict", "taken"), Exit.CONFLICT),
        (errors.Invalid(422, "Invalid", "bad"), Exit.CONFLICT),
        (errors.ApiError(500, "InternalError", "oh"), Exit.FAILURE),
        (errors.ApiError(0, "Unreachable", "gone"), Exit.FAILURE),
        (errors.TemplateError("line 3"), Exit.FAILURE),
        (CliError("late", code=Exit.TIMEOUT), Exit.TIMEOUT),
    ],
)
def test_errors_have_codes(error: Exception, code: Exit) -> None:
    assert explain_error(error).code is code


def test_a_cluster_without_practicum_is_said() -> None:
    error = errors.NotFound(404, "NotFound", "the server could not find the requested resource")
    assert "does not know the kinds" in sentence(explain_error(error))


def test_messages_of_several_lines_become_one() -> None:
    error = errors.Invalid(422, "Invalid", "spec:\n  too long")
    assert sentence(explain_error(error)) == "practicum: spec: too long"


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (
            'Apply failed with 1 conflict: conflict with "practicum-extend" using '
            "practicum.dev/v1alpha1: .spec.ttl",
            "spec.ttl was set by practicum-extend",
        ),
        (
            'Apply failed with 2 conflicts: conflicts with "kubectl-edit" using '
            "practicum.dev/v1alpha1:\n- .spec.size\n- .spec.ttl",
            "spec.size, spec.ttl was set by kubectl-edit",
        ),
        ("the object has been modified", "the object has been modified"),
    ],
)
def test_a_conflict_names_field_and_owner(message: str, said: str) -> None:
    error = apply.conflict("LabEnvironment ada", message)
    assert str(error) == f"LabEnvironment ada: {said}"
    assert error.code is Exit.CONFLICT


LAB = "apiVersion: practicum.dev/v1alpha1\nkind: LabEnvironment\nmetadata: {name: ada}\n"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "holds no objects"),
        ("a: [", "is not YAML"),
        ("kind: Pod", "is a Pod; only LabTemplate, LabCohort, LabEnvironment"),
        ("- 1", "is a list"),
        (LAB.replace("v1alpha1", "v9"), "apiVersion practicum.dev/v9 is not"),
        (LAB.replace("{name: ada}", "{}"), "metadata.name is missing"),
    ],
)
def test_what_cannot_be_applied_is_said_before_anything_is(
    text: str, complaint: str, tmp_path: Path
) -> None:
    path = tmp_path / "f.yaml"
    path.write_text(text)
    with pytest.raises(CliError, match=complaint):
        apply.read(str(path))


def test_lists_and_several_documents_are_read(tmp_path: Path) -> None:
    path = tmp_path / "f.yaml"
    item = LAB.replace("\n", "\n    ").strip()
    path.write_text(f"{LAB}---\nkind: List\nitems:\n  - {item}\n")
    assert [one["kind"] for one in apply.read(str(path))] == ["LabEnvironment"] * 2


def lab(url: str, *namespaces: str) -> dict[str, object]:
    services = [{"name": "mlflow", "url": url, "ready": True}]
    status = {"namespaces": list(namespaces), "services": services}
    return {"metadata": {"name": "ada"}, "status": status}


@pytest.mark.parametrize(
    ("url", "namespace", "port", "path"),
    [
        ("http://mlflow.lab-a-platform.svc:5000/", "lab-a-platform", 5000, "/"),
        ("http://mlflow.lab-a.svc:8888/lab?x", "lab-a", 8888, "/lab"),
        ("http://mlflow:5000", "lab-a-platform", 5000, "/"),
    ],
)
def test_a_service_is_found_where_its_address_says(
    url: str, namespace: str, port: int, path: str
) -> None:
    target = open_verb.find(lab(url, "lab-a", "lab-a-platform"), "mlflow")
    assert (target.namespace, target.pod) == (namespace, "mlflow-0")
    assert (target.port, target.path) == (port, path)


def test_an_unknown_service_names_the_known_ones() -> None:
    with pytest.raises(CliError) as caught:
        open_verb.find(lab("http://mlflow:5000", "lab-a"), "nope")
    assert caught.value.hint == "it has: mlflow"


@pytest.mark.parametrize(
    ("target_port", "expected"), [(5001, 5001), ("http", 5002), ("other", 5000), (None, 5000)]
)
def test_a_services_port_is_followed_to_the_container(
    target_port: int | str | None, expected: int
) -> None:
    port = {"port": 5000} | ({"targetPort": target_port} if target_port else {})
    container = {"ports": [{"name": "http", "containerPort": 5002}]}
    service, pod = {"spec": {"ports": [port]}}, {"spec": {"containers": [container]}}
    assert open_verb.container_port(5000, service, pod) == expected


def bearer(claims: object) -> dict[str, str]:
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return {"BearerToken": f"Bearer h.{payload}.s"}


@pytest.mark.parametrize(
    ("namespace", "key", "course"),
    [
        ("lab-ada-1", bearer({"kubernetes.io": {"namespace": "mlops"}}), "mlops"),
        ("lab-ada-1", bearer({"sub": "x"}), "lab-ada-1"),
        ("lab-ada-1", {"BearerToken": "Bearer opaque"}, "lab-ada-1"),
        ("lab-ada-1", {}, "lab-ada-1"),
        ("genai", bearer({"kubernetes.io": {"namespace": "mlops"}}), "genai"),
    ],
)
def test_a_learners_token_tells_the_course(
    namespace: str, key: dict[str, str], course: str
) -> None:
    assert person.course(namespace, key) == course


def test_help_does_not_wait_for_the_clients() -> None:
    """The modules that take long are not imported; the time itself is a machine's affair."""
    code = (
        "import sys; from practicum.cli import main; "
        "print([m for m in ('kubernetes', 'aiohttp', 'pydantic', 'rich.live') if m in sys.modules])"
    )
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": ":".join(sys.path)},
    )
    assert done.stdout.strip() == "[]"
    assert time.monotonic() - started < 5
