"""Rendering in the real sandbox process: what it makes, what it refuses, what it never learns."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from practicum.api.labtemplate import LabTemplateSpec
from practicum.api.names import placeholder
from practicum.catalog import render as rendering
from practicum.catalog import sandbox
from practicum.catalog.render import Choice, Rendered
from practicum.errors import TemplateError
from tests import samples

Object = dict[str, Any]

CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata:\n"
HOSTILE = [
    "a: b",
    "x\n  evil: true",
    "} , kind: Role",
    "'\"\\",
    "{{ 7 * 7 }}",
    "{% raw %}",
    "- item",
    "&anchor *anchor",
    "!!python/object/apply:os.system [id]",
    "# comment",
    "---\nkind: Role",
    "true",
    "5",
    "\u2028\u2029\x85",
    "\U0001f600",
]


def template(*manifests: str, **changes: Any) -> LabTemplateSpec:
    component = {
        "name": "app",
        "settings": {"port": 8080},
        "manifests": [
            {"path": f"{number}.yaml.j2", "content": text} for number, text in enumerate(manifests)
        ],
        "files": [{"path": "files/a.txt", "content": "line: 1\n  - two\n"}],
    }
    return samples.template(components=[component | changes])


def choice(**parameters: Any) -> Choice:
    return Choice(size="small", parameters=parameters, images={"app": "example.org/app:1"})


def data(text: str) -> str:
    return CONFIG_MAP + f"  value: {text}\n"


async def one(*manifests: str, **parameters: Any) -> Rendered:
    (only,) = await rendering.render(template(*manifests), choice(**parameters))
    return only


async def test_what_a_template_sees() -> None:
    manifest = CONFIG_MAP + (
        "  ns: {{ ns.self }}\n  other: {{ ns.learner }}\n  image: {{ images.app }}\n"
        '  setting: {{ settings.port }}\n  file: {{ file("files/a.txt") }}\n'
        '  secret: {{ secret("app/admin") }}\n  storage: {{ storageClassName }}\n'
        "  lab: {{ lab.name }}\n  joined: {{ ns.self ~ '.svc' }}\n"
        "{% for persona in personas %}\n  {{ persona.name }}: {{ persona.role }}\n{% endfor %}\n"
    )
    rendered = await one(manifest)
    assert (rendered.component, rendered.placement) == ("app", "platform")
    assert rendered.body["data"] == {
        "ns": placeholder("ns.platform"),
        "other": placeholder("ns.learner"),
        "image": "example.org/app:1",
        "setting": 8080,
        "file": "line: 1\n  - two\n",
        "secret": placeholder("secret:app/admin"),
        "storage": None,
        "lab": placeholder("lab.name"),
        "joined": placeholder("ns.platform") + ".svc",
        "reviewer": "reviewer",
        "on-call": "on-call",
    }


async def test_no_value_of_a_parameter_becomes_structure() -> None:
    lines = [f"  p{number}: {{{{ parameters.p{number} }}}}\n" for number in range(len(HOSTILE))]
    values = {f"p{number}": text for number, text in enumerate(HOSTILE)}
    rendered = await one(CONFIG_MAP + "".join(lines), **values)
    assert rendered.body["data"] == values
    assert set(rendered.body) == {"apiVersion", "kind", "metadata", "data"}


REFUSED = {
    "undefined variable": (data("{{ nonsense }}"), "'nonsense' is undefined"),
    "undefined parameter": (data("{{ parameters.missing }}"), "missing"),
    "undefined in a test": (data("{% if nonsense %}1{% endif %}"), "'nonsense' is undefined"),
    "class": (data("{{ ''.__class__ }}"), "__class__"),
    "class by subscript": (data("{{ ''['__class__'] }}"), "__class__"),
    "class by attr": (data("{{ '' | attr('__class__') }}"), "__class__"),
    "mro": (data("{{ ().__class__.__mro__[1].__subclasses__() }}"), "__class__"),
    "globals of a function": (data("{{ secret.__globals__ }}"), "__globals__"),
    "self of a method": (data("{{ file.__self__ }}"), "__self__"),
    "format string": (data("{{ '{0.__class__}'.format(1) }}"), "__class__"),
    "format map": (data("{{ '{a.__class__}'.format_map({'a': 1}) }}"), "__class__"),
    "changing the context": (data("{{ settings.update({'a': 1}) }}"), "update"),
    "include": (data("{% include 'x' %}"), "no loader"),
    "import": (data("{% import 'os' as os %}"), "no loader"),
    "syntax": (data("{% for %}"), "0.yaml.j2"),
    "missing file": (data("{{ file('files/none') }}"), "files/none"),
    "missing image": (data("{{ images.none }}"), "none"),
    "no YAML": ("a: [1", "0.yaml.j2"),
    "YAML tags": ("a: !!python/name:os.system", "python/name"),
    "huge string": (data("{{ 'x' * 10 ** 10 }}"), "MemoryError"),
    "huge output": (data("{{ 'x' * 3 * 1024 * 1024 }}"), f"exceed {sandbox.OUTPUT_BYTES} bytes"),
    "huge loop": (
        CONFIG_MAP
        + "{% for i in 'x' * 900 %}\n  k{{ loop.index }}: {{ 'y' * 3000 }}\n{% endfor %}",
        f"exceed {sandbox.OUTPUT_BYTES} bytes",
    ),
    "division by zero": (data("{{ 1 / 0 }}"), "0.yaml.j2"),
    "a date": (data("2026-11-21"), "0.yaml.j2"),
}


_LOAD = """
import importlib.util, io, json, sys
spec = importlib.util.spec_from_file_location("sandbox", sys.argv[1])
sandbox = importlib.util.module_from_spec(spec)
spec.loader.exec_module(sandbox)
"""
_MANY = """
answers = []
for request in json.load(sys.stdin):
    sys.stdin, sys.stdout = io.StringIO(json.dumps(request)), io.StringIO()
    try:
        sandbox.main()
    except Exception as error:
        answers.append(f"the process ended: {error!r}")
    else:
        answers.append(json.loads(sys.stdout.getvalue()).get("error", "was not refused"))
sys.__stdout__.write(json.dumps(answers))
"""


def sandboxed(request: object, script: str) -> subprocess.CompletedProcess[str]:
    """Run the sandbox's own code in a process, with bounds of the test's choosing."""
    return subprocess.run(
        [sys.executable, "-I", "-c", _LOAD + script, str(Path(sandbox.__file__))],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
        env={},
    )


def request_for(manifest: str) -> Object:
    request: Object = rendering._request(template(manifest), choice())
    return request


@pytest.fixture(scope="module")
def refusals() -> dict[str, str]:
    """Put all that is to be refused through one sandbox process: starting each takes a while."""
    requests = [request_for(manifest) for manifest, _ in REFUSED.values()]
    done = sandboxed(requests, _MANY)
    return dict(zip(REFUSED, json.loads(done.stdout), strict=True))


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str, refusals: dict[str, str]) -> None:
    assert REFUSED[name][1] in refusals[name]


async def test_what_is_rendered_goes_through_the_guard() -> None:
    with pytest.raises(TemplateError, match="component app: Role x: kind is not allowed"):
        await one(data("x").replace("ConfigMap", "Role"))


async def test_a_document_that_is_no_object_is_refused() -> None:
    with pytest.raises(TemplateError, match="every document must be an object"):
        await one("- 1\n")


async def test_a_placeholder_in_a_parameter_stays_text() -> None:
    """Else whoever chooses a parameter reads any password of the lab."""
    with pytest.raises(TemplateError):
        rendered = await one(data("{{ parameters.name }}"), name=placeholder("secret:app/admin"))
        assert placeholder("secret:app/admin") not in json.dumps(rendered.body)


def test_an_endless_loop_ends_with_its_cpu_time() -> None:
    loop = "{% for i in 'x' * 99999 %}{% for j in 'x' * 99999 %}{% endfor %}{% endfor %}"
    done = sandboxed(request_for(data(loop)), "sandbox.CPU_SECONDS = 1; sandbox.main()")
    assert done.returncode < 0
    assert done.stdout == ""
    assert sandbox.CPU_SECONDS <= 5 < rendering._WALL_SECONDS


def test_an_alias_bomb_ends_with_its_memory() -> None:
    levels = "".join(
        f"  k{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]\n" for level in range(1, 10)
    )
    bomb = CONFIG_MAP + "  k0: &a0 [x, x, x, x, x, x, x, x, x]\n" + levels
    limits = "sandbox.CPU_SECONDS = 1; sandbox.MEMORY_BYTES = 64 * 1024 * 1024; sandbox.main()"
    done = sandboxed(request_for(bomb), limits)
    assert len(done.stdout) < sandbox.OUTPUT_BYTES
    assert done.returncode != 0 or "error" in json.loads(done.stdout)


async def test_a_killed_sandbox_is_an_error_of_the_template(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    slow = tmp_path / "slow.py"
    slow.write_text("import time; time.sleep(60)")
    monkeypatch.setattr(rendering, "_SANDBOX", slow)
    monkeypatch.setattr(rendering, "_WALL_SECONDS", 0.1)
    with pytest.raises(TemplateError, match="rendering took over"):
        await rendering.render(template(data("x")), choice())


def test_no_secret_is_ever_sent_to_the_sandbox() -> None:
    lab = samples.lab()
    sent = json.dumps(rendering._request(lab.template, choice()))
    secrets = {lab.settings.root_key.decode(), lab.password("app/learner"), lab.uid}
    assert not [secret for secret in secrets if secret in sent]


def test_the_sandbox_starts_without_our_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PRACTICUM_ROOT_KEY", "in the operator's environment")
    seen: Object = {}

    async def spy(*command: str, **options: Any) -> Any:
        seen.update(options, command=command)
        raise OSError("not started")

    monkeypatch.setattr(asyncio, "create_subprocess_exec", spy)
    with pytest.raises(OSError, match="not started"):
        asyncio.run(rendering.render(template(data("x")), choice()))
    assert seen["env"] == {}
    assert "-I" in seen["command"]


def test_equal_choices_are_known_as_equal() -> None:
    first = Choice("small", {"a": 1, "b": 2}, {"x": "1", "y": "2"})
    again = Choice("small", {"b": 2, "a": 1}, {"y": "2", "x": "1"})
    assert first.digest_input() == again.digest_input()
    others = [
        Choice("large", {"a": 1, "b": 2}, {"x": "1", "y": "2"}),
        Choice("small", {"a": 1, "b": 3}, {"x": "1", "y": "2"}),
        Choice("small", {"a": 1, "b": 2}, {"x": "1", "y": "3"}),
        Choice("small", {"a": 1, "b": 2}, {"x": "1", "y": "2"}, "fast"),
        Choice("small", {"a": True, "b": 2}, {"x": "1", "y": "2"}),
    ]
    assert len({one.digest_input() for one in (first, *others)}) == 6
