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
