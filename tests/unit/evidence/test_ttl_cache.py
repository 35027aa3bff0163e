"""What was read a moment ago is used again, for a stated time, and says its age."""

import pytest

from threegrants.evidence.ttl_cache import MAX_ENTRIES, SECONDS, TtlCache


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


class Source:
    """Counts how often it is read."""

    reads = 0

    def __call__(self):
        self.reads += 1
        return self.reads


def test_a_reading_is_used_again_until_its_time_is_up():
    clock, source = Clock(), Source()
    cache = TtlCache(clock=clock)
    first, at = cache.get("bucket", source)
    clock.now += SECONDS - 1
    assert cache.get("bucket", source) == (first, at)
    clock.now += 2
    assert cache.get("bucket", source)[0] == 2


def test_fresh_reads_anew_and_is_kept():
    source = Source()
    cache = TtlCache()
    cache.get("bucket", source)
    assert cache.get("bucket", source, fresh=True)[0] == 2
    assert cache.get("bucket", source)[0] == 2


def test_other_things_are_other_readings():
    source = Source()
    cache = TtlCache()
    assert [cache.get(what, source)[0] for what in ("a", "b", "a")] == [1, 2, 1]


def test_the_oldest_is_let_go_when_there_are_many():
    source = Source()
    cache = TtlCache()
    for number in range(MAX_ENTRIES + 1):
        cache.get(number, source)
    assert cache.get(MAX_ENTRIES, source)[0] == MAX_ENTRIES + 1
    assert cache.get(0, source)[0] == MAX_ENTRIES + 2


def test_a_value_may_have_a_time_of_its_own():
    clock, source = Clock(), Source()
    cache = TtlCache(clock=clock)
    cache.get("organization", source, seconds=5 * SECONDS)
    clock.now += 5 * SECONDS - 1
    assert cache.get("organization", source)[0] == 1
    clock.now += 2
    assert cache.get("organization", source)[0] == 2


def test_a_value_that_is_not_to_be_kept_is_read_again_and_leaves_the_one_before():
    source, first = Source(), Source()
    cache = TtlCache()
    assert cache.get("half read", source, keep=lambda _: False)[0] == 1
    assert cache.get("half read", source, keep=lambda value: value > 1)[0] == 2
    assert cache.get("half read", source)[0] == 2
    cache.get("whole", first)
    assert cache.get("whole", source, fresh=True, keep=lambda _: False)[0] == 3
    assert cache.get("whole", source)[0] == 1


def test_a_failed_reading_is_not_kept_and_goes_to_the_caller():
    cache = TtlCache()

    def failing():
        raise RuntimeError

    for _ in range(2):
        with pytest.raises(RuntimeError):
            cache.get("bucket", failing)
    assert cache.get("bucket", Source())[0] == 1
