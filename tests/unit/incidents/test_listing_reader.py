"""The list of incidents, on a table: its pages, its counts, and what an earlier release wrote."""

from collections import Counter
from dataclasses import replace

import pytest

from support.incidents import CALL, report
from support.readers import asked
from threegrants.incidents import Move, State, Store
from threegrants.incidents.items import item_key
from threegrants.incidents.listing import ListingError, ListingFilter
from threegrants.incidents.listing_reader import Listing
from threegrants.incidents.moves import move_writes
from threegrants.incidents.table import transact

AT = "2026-11-24T03:01:00Z"
SOON = 9e9
ALL = ListingFilter()


@pytest.fixture
def listing(incidents, table):
    found = Listing(incidents)
    found.complete(SOON)
    return found


def opened_at(incidents, number, **changes):
    """An incident of the list; the higher the number, the later it was seen."""
    call = replace(CALL, event_id=f"e-{number}", time=f"2026-11-24T03:00:{number:02}Z")
    made = incidents.record_event(f"tg-{number:016x}", call, {}).incident
    return incidents.save_diagnosis(made, report(**changes), State.OPEN, AT, alert_due=True)


@pytest.fixture
def five(incidents):
    return [opened_at(incidents, number).id for number in range(5)]


def pages(listing, wanted=ALL, rows=2):
    token, found = "", []
    while True:
        page = listing.page(wanted, rows, token)
        found.append([one.id for one in page.incidents])
        if page.following is None:
            return found
        token = page.following


def test_pages_follow_each_other_latest_first(listing, five):
    five.reverse()
    assert pages(listing) == [five[:2], five[2:4], five[4:]]
    assert pages(listing, rows=5) == [five]
    assert pages(listing, rows=100) == [five]


def test_a_filtered_list_has_pages_too(listing, five, incidents, table):
    for incident_id in five[::2]:
        move = Move(State.REJECTED, "sam", "rejected")
        transact(table, move_writes(incidents.get(incident_id), move))
    rejected = ListingFilter(states=frozenset({State.REJECTED}))
    assert pages(listing, rejected) == [[five[4], five[2]], [five[0]]]
    assert pages(listing, ListingFilter(bucket="other")) == [[]]
    assert pages(listing, ListingFilter(since="2026-11-24T03:00:03Z"), rows=9) == [five[:2:-1]]


def test_a_page_is_one_query_and_one_batch(listing, five, table):
    calls = asked(table.meta.client)
    listing.page(ALL, 50)
    assert Counter(name for name, _ in calls) == {"Query": 1, "BatchGetItem": 1}


def test_counts_are_those_of_now(listing, five, incidents):
    for number in range(3):
        later = replace(CALL, event_id=f"more-{number}", time=f"2026-11-24T04:00:0{number}Z")
        Store(incidents.table).record_event(five[1], later, {})
    found = {one.id: one for one in listing.page(ALL, 50).incidents}
    assert (found[five[1]].count, found[five[1]].last_seen) == (4, "2026-11-24T04:00:02Z")
    assert found[five[0]].count == 1
    # The index does not know of what only counts; that the list is asked "since" finds it all the same.
    since = ListingFilter(since="2026-11-24T03:10:00Z")
    assert [one.id for one in listing.page(since, 50).incidents] == [five[1]]


def test_what_has_expired_is_no_line(listing, five, table):
    table.update_item(
        Key=item_key(five[0], "meta#count"),
        UpdateExpression="SET expires_at = :then",
        ExpressionAttributeValues={":then": 1},
    )
    assert five[0] not in [one.id for one in listing.page(ALL, 50).incidents]


def unlisted(table, incident_id):
    """As a release without the list wrote it."""
    table.update_item(
        Key=item_key(incident_id, "meta"), UpdateExpression="REMOVE listed, listed_row"
    )


def test_what_an_earlier_release_wrote_is_listed_first(incidents, five, table):
    for incident_id in five[:3]:
        unlisted(table, incident_id)
    again = Listing(Store(table))
    page = again.page(ALL, 50, until=SOON)
    assert page.complete
    assert [one.id for one in page.incidents] == five[::-1]
    assert all(one.who and one.what for one in page.incidents)
    calls = asked(table.meta.client)
    Listing(Store(table)).page(ALL, 50, until=SOON)
    assert Counter(name for name, _ in calls) == {"GetItem": 1, "Query": 1, "BatchGetItem": 1}


def test_without_time_the_page_says_that_it_is_not_complete(five, table):
    unlisted(table, five[0])
    page = Listing(Store(table)).page(ALL, 50, until=0)
    assert not page.complete
    assert len(page.incidents) == 4


def test_a_change_puts_it_on_the_list(listing, five, incidents, table):
    unlisted(table, five[0])
    transact(table, move_writes(incidents.get(five[0]), Move(State.REJECTED, "sam", "rejected")))
    assert five[0] in [one.id for one in listing.page(ALL, 50).incidents]


def test_a_token_of_another_list(listing, five):
    token = listing.page(ALL, 2).following
    with pytest.raises(ListingError, match="other filters"):
        listing.page(ListingFilter(bucket="a-*"), 2, token)


def test_dynamodb_may_stop_before_the_end(listing, five, monkeypatch):
    """As where it has read 1 MB: the page is shorter, and the next one goes on there."""
    real = listing._store.table.query

    def query(**how):
        return real(**{**how, "Limit": 2} if how["IndexName"] == "listing" else how)

    monkeypatch.setattr(listing._store.table, "query", query)
    wanted = ListingFilter(bucket="a-*")
    assert [one for page in pages(listing, wanted, rows=9) for one in page] == five[::-1]
    assert pages(listing, ListingFilter(bucket="none"), rows=9) == [[], [], []]
