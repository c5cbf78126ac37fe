"""What lies in the folders of the shared catalogue, and what of it is published."""

import json
from pathlib import Path
from typing import Any

import pytest

from practicum.errors import TemplateError
from practicum.reconcile.catalogue import Catalogue, read
from practicum.settings import Settings


def template(name: str, title: str = "own") -> dict[str, Any]:
    return {"kind": "LabTemplate", "metadata": {"name": name}, "spec": {"title": title}}


def write(folder: Path, name: str, *bodies: dict[str, Any]) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(json.dumps({"kind": "List", "items": bodies}))


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    image, site = tmp_path / "image", tmp_path / "site"
    write(image, "a.json", template("a", "shipped"))
    write(image, "b.json", template("b", "shipped"))
    write(site, "mine.json", template("a"), template("c"))
    return [image, site]


def test_a_sites_own_module_takes_the_place_of_a_shipped_one(folders: list[Path]) -> None:
    bodies, strange = read(folders)
    titles = {one["metadata"]["name"]: one["spec"]["title"] for one in bodies}
    assert titles == {"a": "own", "b": "shipped", "c": "own"}
    assert strange == []


class Cluster:
    """Holds what is applied, and one template that came along once."""

    def __init__(self) -> None:
        self.there = {"gone": template("gone")}

    async def apply(self, body: dict[str, Any]) -> None:
        self.there[body["metadata"]["name"]] = body

    async def list(self, *_: str) -> list[dict[str, Any]]:
        return list(self.there.values())

    async def delete(self, _kind: str, _namespace: str, name: str) -> None:
        del self.there[name]


@pytest.mark.parametrize("text", ["no JSON", "[]", "3", '{"kind": "List"}', '{"items": [{}]}'])
async def test_a_strange_file_is_named_and_keeps_no_other_from_labs(
    folders: list[Path], text: str
) -> None:
    (folders[1] / "odd.json").write_text(text)
    cluster = Cluster()
    both = Catalogue(cluster, Settings(catalogue=":".join(map(str, folders))))  # type: ignore[arg-type]
    with pytest.raises(TemplateError, match=r"odd\.json: no packed module; make it anew"):
        await both.publish()
    assert set(cluster.there) == {"a", "b", "c", "gone"}, "what it held cannot be known"
    (folders[1] / "odd.json").unlink()
    await both.publish()
    assert set(cluster.there) == {"a", "b", "c"}
    assert cluster.there["c"]["metadata"]["namespace"] == "practicum-system"
