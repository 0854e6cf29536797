"""Edits of a bundle: whole clauses, in place, and nothing that was not asked for."""

import tomllib

import pytest

from caveat.policy.bundle import parse_bundle
from caveat.policy.clause_text import EditError, Files, policy_texts
from caveat.policy.edit import (
    delete_clause,
    keep_authorities,
    permit_rest,
    read_as,
    set_annotation,
    set_grade,
    set_limit,
)
from tests.analysis.amendments import FILES


def ids(files: Files) -> set[str]:
    return {clause.id for clause in parse_bundle(dict(files)).clauses}


def test_deleting_a_clause_deletes_all_its_parts() -> None:
    gone = ids(FILES) - ids(delete_clause(FILES, "P10").files)
    assert gone == {"P10.process", "P10.approval", "P10.permit"}


def test_a_policy_that_serves_two_clauses_falls_with_either() -> None:
    edited = delete_clause(FILES, "R1.c")
    assert ids(FILES) - ids(edited.files) == {"R1.a.total", "R1.b.total"}
    assert any("fell with R1.c" in sentence for sentence in edited.done)
    assert "R1.c" not in {row.id for row in parse_bundle(dict(edited.files)).manifest.process}


def test_what_is_not_deleted_keeps_its_text_to_the_byte() -> None:
    edited = delete_clause(FILES, "P14").files
    assert {p: d for p, d in edited.items() if p != "clauses/P14-protected-activity.cedar"} == {
        p: d for p, d in FILES.items() if p != "clauses/P14-protected-activity.cedar"
    }


def test_a_policy_keeps_the_annotations_that_it_shared_with_a_deleted_one() -> None:
    files = {
        **FILES,
        "clauses/Z.cedar": b'@id("Z.one") @clause("Z, Y") @text("Both.")\n'
        b'@authority("technical") @amend("provider")\n'
        b"forbid (principal, action, resource) when { !context.deployer_verified };\n"
        b'@id("Z.two") @clause("Z")\n'
        b"forbid (principal, action, resource) when { !context.deployer_verified };\n",
    }
    edited = parse_bundle(dict(delete_clause(files, "Y").files))
    kept = next(clause for clause in edited.clauses if clause.id == "Z.two")
    assert (kept.text, kept.authority, kept.amend_text) == ("Both.", "technical", "provider")


def test_a_semicolon_in_a_string_or_a_comment_ends_no_policy() -> None:
    text = '// one; two\n@id("a;b") permit (principal, action, resource); // last;\n'
    assert "".join(policy_texts(text)) == text
    assert len([each for each in policy_texts(text) if "@id" in each]) == 1


def test_a_limit_is_set_in_its_place_and_comments_stay() -> None:
    edited = set_limit(FILES, "precise_geolocation", 5_000_000).files
    assert parse_bundle(dict(edited)).manifest.limits["precise_geolocation"].value == 5_000_000
    assert b"# Whose consent counts." in edited["bundle.toml"]


def test_a_grade_is_set_where_none_was_written() -> None:
    edited = set_grade(FILES, "task", "claimed").files
    assert tomllib.loads(edited["facts.toml"].decode())["facts"]["task"]["grade"] == "claimed"


def test_an_annotation_is_set_on_every_part_and_on_the_process_row() -> None:
    edited = parse_bundle(dict(set_annotation(FILES, "R1.c", "amend", "provider").files))
    parts = [clause.amend_text for clause in edited.clauses if "R1.c" in clause.clauses]
    assert parts == ["provider", "provider"]
    assert next(row.amend_text for row in edited.manifest.process if row.id == "R1.c") == "provider"


def test_the_law_alone_permits_what_no_clause_forbids() -> None:
    edited = parse_bundle(dict(permit_rest(keep_authorities(FILES, ("statute", "regulation")).files).files))
    assert {clause.authority for clause in edited.clauses} == {"statute", "regulation"}
    assert {row.authority for row in edited.manifest.process} <= {"statute", "regulation"}


def test_another_reading_replaces_the_clause_and_keeps_what_it_does_not_say() -> None:
    rule = 'forbid (principal, action, resource) when { context.selection_criteria == "protected_activity" };'
    text = f'@id("P14") {rule}'
    edited = parse_bundle(dict(read_as(FILES, "P14", text).files))
    clause = next(clause for clause in edited.clauses if clause.id == "P14")
    assert clause.authority == "vendor_aup"
    assert clause.text.startswith("No selection of domestic persons")


@pytest.mark.parametrize(
    "edit",
    [
        lambda: delete_clause(FILES, "R9"),
        lambda: set_limit(FILES, "no_such", 1),
        lambda: set_grade(FILES, "task", "guessed"),
        lambda: set_annotation(FILES, "R1.a", "authority", "custom"),
        lambda: set_annotation(FILES, "R1.a", "amend", "provider &"),
        lambda: set_annotation(FILES, "R9", "amend", "provider"),
        lambda: keep_authorities(FILES, ("custom",)),
        lambda: read_as(FILES, "P14", "permit (principal, action, resource);"),
    ],
)
def test_what_is_not_there_cannot_be_edited(edit: object) -> None:
    assert callable(edit)
    with pytest.raises(EditError):
        edit()
