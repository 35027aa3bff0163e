"""docs/doctor.md has a row for each kind of finding, and its links lead somewhere."""

import pytest

from support import doctor_page
from threegrants.doctor import KINDS


def test_the_page_has_all_findings():
    page = doctor_page.PAGE.read_text()
    assert page == doctor_page.drawn(page), "run `make doctor-page`"


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_row_is_whole(kind):
    assert all((kind.why.endswith("."), kind.fix.endswith(".")))
    if kind.link.startswith("docs/"):
        assert (doctor_page.PAGE.parents[1] / kind.link).exists()
    else:
        assert kind.link.startswith("https://docs.aws.amazon.com/")
