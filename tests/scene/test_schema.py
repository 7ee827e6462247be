import json
from pathlib import Path

import pytest

from volstudio.scene.files import schema

PUBLISHED = Path(__file__).parents[2] / "scenes" / "scene.schema.json"


def test_the_published_schema_is_this_one():
    assert json.loads(PUBLISHED.read_text("utf-8")) == schema(), "run: volstudio schema -o scenes/scene.schema.json --overwrite"


def test_every_key_is_described():
    whole = schema()
    for kind in (whole, *whole["$defs"].values()):
        assert kind["additionalProperties"] is False
        for name, part in kind["properties"].items():
            assert len(part["description"].split()) > 2, (kind["title"], name)


def test_editors_are_offered_names():
    look = schema()["$defs"]["Look"]["properties"]
    assert "viridis" in look["colourmap"]["examples"]
    assert "CT-Bone" in look["preset"]["examples"]


@pytest.mark.parametrize("reference", ["Layer", "Look", "Placement", "Camera", "Panel", "Clip", "Landmark"])
def test_references_resolve(reference):
    assert reference in schema()["$defs"]
    assert f"#/$defs/{reference}" in json.dumps(schema())
