"""Settings from the environment: every bad value names its variable."""

from datetime import timedelta

import pytest

from practicum.settings import Settings, load


def test_nothing_set_means_the_charts_defaults() -> None:
    assert load({}) == Settings()
    assert load({"PRACTICUM_RESYNC": "", "PATH": "/bin"}) == Settings()


@pytest.mark.parametrize(
    ("variable", "text", "value"),
    [
        ("SYSTEM_NAMESPACE", "elsewhere", "elsewhere"),
        ("ROOT_KEY", "secret", b"secret"),
        ("TOKEN_MAX", "12h", timedelta(hours=12)),
        ("RETAIN_RECORD", "30d", timedelta(days=30)),
        ("STUCK_AFTER", "0.5s", timedelta(seconds=0.5)),
        ("RESYNC", "5m", timedelta(minutes=5)),
        ("AUDIT_RETENTION", "8760h", timedelta(days=365)),
        ("ALIAS_POLL", "10s", timedelta(seconds=10)),
        ("ALLOW_SUBJECTS", "false", False),
        ("ALLOW_SUBJECTS", "True", True),
        ("HTTP_PORT", "9090", 9090),
        ("OPA", "/opa", "/opa"),
        ("IMAGES", '{"opa": "a/b:1"}', {"opa": "a/b:1"}),
        ("IMAGE_MIRROR", "mirror.example.org/all", "mirror.example.org/all"),
        ("NODE_SELECTOR", "{}", {}),
        ("MAX_LABS", "300", 300),
        ("COURSE_LIMITS", '{"mlops-autumn": 40}', {"mlops-autumn": 40}),
    ],
)
def test_values(variable: str, text: str, value: object) -> None:
    assert getattr(load({f"PRACTICUM_{variable}": text}), variable.lower()) == value


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("TOKEN_MAX", "12"),
        ("MAX_LABS", "many"),
        ("COURSE_LIMITS", '{"mlops-autumn": "40"}'),
        ("TOKEN_MAX", "h"),
        ("RESYNC", "soon"),
        ("RESYNC", "5 w"),
        ("RESYNC", "nans"),
        ("RESYNC", "infs"),
        ("RESYNC", "-5m"),
        ("HTTP_PORT", "http"),
        ("IMAGES", "opa=a/b"),
        ("IMAGES", "[1]"),
        ("NODE_SELECTOR", "5"),
        ("ALLOW_SUBJECTS", "off-ish"),
    ],
)
def test_bad_values_name_the_variable(variable: str, text: str) -> None:
    with pytest.raises(ValueError, match=f"PRACTICUM_{variable}"):
        load({f"PRACTICUM_{variable}": text})


def test_the_root_key_is_not_shown() -> None:
    assert "secret" not in repr(load({"PRACTICUM_ROOT_KEY": "secret"}))


MIRRORED = [
    ("postgres:18", "docker.io/library/postgres:18"),
    ("postgres@sha256:1234", "docker.io/library/postgres@sha256:1234"),
    ("valkey/valkey:9-alpine", "docker.io/valkey/valkey:9-alpine"),
    ("ghcr.io/mlflow/mlflow:v3", "ghcr.io/mlflow/mlflow:v3"),
    ("registry:5000/a/b:1", "registry:5000/a/b:1"),
    ("localhost/a:1", "localhost/a:1"),
    ("python:3.*", "docker.io/library/python:3.*"),
    ("*/a:1", "*/a:1"),
]


@pytest.mark.parametrize(("image", "there"), MIRRORED)
@pytest.mark.parametrize("mirror", ["mirror.example.org/all", "mirror.example.org/all/"])
def test_a_mirror_has_every_image_under_the_name_of_its_registry(
    image: str, there: str, mirror: str
) -> None:
    settings = Settings(image_mirror=mirror)
    assert settings.mirrored(image) == f"mirror.example.org/all/{there}"
    assert settings.mirrored(settings.mirrored(image)) == settings.mirrored(image)
    assert Settings().mirrored(image) == image


def test_an_image_that_is_named_goes_before_the_mirror() -> None:
    settings = Settings(image_mirror="mirror.example.org", images={"opa": "own/opa@sha256:1"})
    assert settings.images_of({"opa": "openpolicyagent/opa:1", "app": "a/b:1"}) == {
        "opa": "own/opa@sha256:1",
        "app": "mirror.example.org/docker.io/a/b:1",
    }
