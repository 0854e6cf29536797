"""A sighting is of keyed ids, in one canonical form."""

import pytest

from caveat.labels.subjects import SubjectKind, sighting

ONE, OTHER = b"1" * 16, b"2" * 16


def test_the_order_in_which_ids_are_found_makes_no_other_sighting() -> None:
    assert sighting(SubjectKind.PERSON, [OTHER, ONE, OTHER]) == sighting(SubjectKind.PERSON, [ONE, OTHER])


@pytest.mark.parametrize("ids", [[], [b""], [ONE, b"alex@example.test"]])
def test_what_is_no_keyed_id_makes_no_sighting(ids: list[bytes]) -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        sighting(SubjectKind.PERSON, ids)
