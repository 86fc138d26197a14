"""What AWS publishes of resource types: each is found in the extract without reading the others."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

from emulator.stack import schemas


def test_every_type_is_found_as_the_extract_has_it() -> None:
    path = Path(schemas.__file__).with_name("schemas.json.gz")
    extract = json.loads(gzip.decompress(path.read_bytes()))
    assert len(extract) > 1500
    assert schemas.kinds() == sorted(extract)
    for kind, body in extract.items():
        found = schemas.find(kind)
        assert found is not None
        assert found.properties == frozenset(body.get("a", ())), kind
        assert found.create_only == frozenset(body.get("c", ())), kind
        assert found.read_only == frozenset(body.get("r", ())), kind


def test_what_aws_does_not_publish_is_not_found() -> None:
    for kind in ("AWS::No::Type", "Custom::Thing", "AWS::SQS", '"', ""):
        assert schemas.find(kind) is None
