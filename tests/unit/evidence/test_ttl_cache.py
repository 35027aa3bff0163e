"""What was read a moment ago is used again, for a stated time, and says its age."""

import pytest

from threegrants.evidence.ttl_cache import SECONDS, TtlCache


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
    for number in range(513):
        cache.get(number, source)
    assert cache.get(512, source)[0] == 513
    assert cache.get(0, source)[0] == 514


def test_a_failed_reading_is_not_kept():
    cache = TtlCache()

    def failing():
        raise RuntimeError

    for _ in range(2):
        with pytest.raises(RuntimeError):
            cache.get("bucket", failing)
    assert cache.get("bucket", Source())[0] == 1
