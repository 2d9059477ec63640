"""A release: the package, the citation file and the changelog tell of the same version."""

from __future__ import annotations

import datetime
import re
from pathlib import Path

import yaml

import prefault_kit

ROOT = Path(__file__).parents[1]
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text())
REQUIRED = {"authors", "cff-version", "message", "title"}
"""What a citation file must have (Citation File Format 1.2.0, schema guide)."""
KNOWN = REQUIRED | {
    "abstract", "date-released", "doi", "identifiers", "keywords", "license", "repository-code",
    "type", "url", "version",
}  # fmt: skip
PERSON = {"affiliation", "email", "family-names", "given-names", "orcid"}
ENTITY = {"name", "website"}


def test_the_citation_file_is_well_formed() -> None:
    """It has what the format wants, and nothing that it does not know."""
    assert REQUIRED <= set(CITATION) <= KNOWN
    assert CITATION["cff-version"] == "1.2.0"
    assert CITATION["type"] == "software"
    assert CITATION["license"] == "BSD-3-Clause"
    assert CITATION["authors"]
    for author in CITATION["authors"]:
        assert set(author) <= PERSON or set(author) <= ENTITY
        assert all(isinstance(each, str) for each in author.values())
    assert all(isinstance(CITATION[each], str) for each in ("message", "title", "abstract"))
    assert len(set(CITATION["keywords"])) == len(CITATION["keywords"])


def test_it_cites_the_version_that_is_here() -> None:
    """Released on the day that the changelog has for it."""
    assert CITATION["version"] == prefault_kit.__version__
    assert isinstance(CITATION["date-released"], datetime.date)
    text = (ROOT / "CHANGELOG.md").read_text()
    releases = re.findall(r"^## (\d+\.\d+\.\d+) \((.+)\)$", text, re.M)
    assert releases[0] == (CITATION["version"], CITATION["date-released"].isoformat())


def test_the_changelog_has_room_for_the_next() -> None:
    """What comes after the newest release is entered above it."""
    text = (ROOT / "CHANGELOG.md").read_text()
    heads = re.findall(r"^## (.+)$", text, re.M)
    assert heads[0] == "Unreleased"
