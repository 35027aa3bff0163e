"""The denied calls of any number of records, joined as the service joins them. Pure.

Both copies of a call are one call, in whichever order they come, and so are the KMS record and the S3
record of one call, by the match that the service has (`incidents.correlation.match`): the nearest within
five seconds, else the only incident within the hour. Calls of one principal, bucket, kind of access and
action are one finding.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from threegrants.aws.arn import is_account_id
from threegrants.cloudtrail import DeniedCall, KeySource
from threegrants.incidents import incident_id_of, principal_of
from threegrants.incidents.correlation import (
    Candidate,
    correlation_key_of,
    kms_key_correlation_key,
    match_kms_record,
    match_late_kms_record,
    seconds_apart,
)
from threegrants.incidents.events import SAMPLE_SIZE, kms_actions_of, needs_kms
from threegrants.patches.scopes import with_key
from threegrants.suppression import Preset, SuppressionRules

_Key = tuple[str | tuple[str, ...] | None, ...]
_Who = tuple[str, str]
"""An account and the unique id of a role or user in it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What is diagnosed once.

    Args:
        incident_id: the incident that the service would have.
        call: the call that stands for all: the newest of those that say most.
        count: how many calls there were.
        first_seen: when the first was made.
        last_seen: when the last was made.
        events: a sample of the events' ids.
        folders: the folders of all denied keys.
        noise: the preset by which the service would hold it back; None if it is no noise.
    """

    incident_id: str
    call: DeniedCall
    count: int
    first_seen: str
    last_seen: str
    events: tuple[str, ...]
    folders: tuple[str, ...]
    noise: Preset | None = None

    @property
    def action(self) -> str:
        """What was denied, as an IAM action; the operation if it is not mapped to one."""
        return self.call.action or self.call.message.action or self.call.operation

    @property
    def principal(self) -> str:
        """Who was denied."""
        caller = self.call.caller
        return caller.arn or caller.unique_id or caller.invoked_by or caller.account or caller.type

    @property
    def target(self) -> str:
        """The bucket, the access point or the key."""
        call = self.call
        return call.bucket or call.access_point_arn or call.kms_key or ""


@dataclass(slots=True)
class _Group:
    """Calls that become one finding, unless it turns out that others belong to them."""

    call: DeniedCall
    count: int = 0
    first: str = ""
    last: str = ""
    events: dict[str, None] = field(default_factory=dict)
    folders: tuple[str, ...] = ()
    times: list[str] = field(default_factory=list)

    def add(self, call: DeniedCall) -> None:
        """Count a call."""
        self.count += 1
        self.first = min(self.first or call.time, call.time)
        self.last = max(self.last, call.time)
        self.times.append(call.time)
        self.folders = with_key(self.folders, call.object_key or call.prefix or "")
        self.look_at(call)

    def look_at(self, call: DeniedCall) -> None:
        """Know a call without counting it: the other copy of one that is counted."""
        if call.event_id and len(self.events) < SAMPLE_SIZE:
            self.events.setdefault(call.event_id)
        if _says(call) > _says(self.call):
            self.call = call

    def drop(self, time: str) -> None:
        """Not count a call that was counted: another group counts it."""
        self.count -= 1
        self.times.remove(time)

    def merge(self, other: "_Group") -> None:
        """The calls of another group too."""
        self.count += other.count
        firsts = [one for one in (self.first, other.first) if one]
        self.first, self.last = min(firsts, default=""), max(self.last, other.last)
        self.times += other.times
        for folder in other.folders:
            self.folders = with_key(self.folders, folder)
        merged = list(dict.fromkeys((*self.events, *other.events)))
        self.events = dict.fromkeys(merged[:SAMPLE_SIZE])
        if _says(other.call) > _says(self.call):
            self.call = other.call


def _says(call: DeniedCall) -> tuple[bool, bool, str]:
    return call.caller.arn is not None, call.kms_uncertainty is None, call.time


class Findings:
    """Takes in denied calls, and says at the end what is to be diagnosed."""

    def __init__(self) -> None:
        self._groups: dict[_Key, _Group] = {}
        self._of_s3: dict[_Key, _Group] = {}
        """KMS calls that S3 made for the caller"""
        self._seen: dict[str, tuple[_Group, str] | None] = {}
        """the events that were counted; with group and time if the caller has no ARN there"""
        self._arns: dict[_Who, str] = {}
        self._owners: dict[str, str] = {}

    def learn(self, call: DeniedCall) -> None:
        """Know what a call says beside itself: who owns a bucket, which role a unique id is."""
        if call.bucket and is_account_id(call.bucket_account):
            own = call.bucket_account == call.recipient_account
            if own or call.bucket not in self._owners:
                self._owners[call.bucket] = call.bucket_account or ""
        caller = call.caller
        if caller.arn and caller.account and caller.unique_id:
            self._arns[caller.account, caller.unique_id] = caller.arn

    def add(self, call: DeniedCall) -> None:
        """Take in one denied call; one that was taken in already is not counted again."""
        self.learn(call)
        event = call.shared_event_id or call.event_id
        groups = self._of_s3 if call.via_service else self._groups
        group = groups.setdefault(_key_of(call), _Group(call))
        if event and event in self._seen:
            self._add_copy(event, group, call)
            return
        if event:
            self._seen[event] = None if call.caller.arn else (group, call.time)
        group.add(call)

    def _add_copy(self, event: str, group: _Group, call: DeniedCall) -> None:
        """The other copy of a call that was counted: it counts where the caller is named."""
        nameless = self._seen[event]
        if nameless is None or call.caller.arn is None or nameless[0] is group:
            group.look_at(call)
            return
        counted, time = nameless
        counted.drop(time)
        self._seen[event] = None
        group.add(call)

    def joined(self) -> list[Finding]:
        """Everything that is to be diagnosed, in the order in which it came."""
        groups = self._with_resolved_callers(self._groups)
        of_s3 = self._with_resolved_callers(self._of_s3)
        index = _Index(groups.values(), self._arn_of)
        alone: list[_Group] = []
        for group in of_s3.values():
            left = index.take(group)
            if left is not None:
                alone.append(left)
        return [self._finding(group) for group in [*groups.values(), *alone]]

    def _with_resolved_callers(self, groups: Mapping[_Key, _Group]) -> dict[_Key, _Group]:
        found: dict[_Key, _Group] = {}
        for group in groups.values():
            key = _key_of(group.call, self._arn_of(group.call))
            if key in found:
                found[key].merge(group)
            else:
                found[key] = group
        return {key: group for key, group in found.items() if group.count}

    def _arn_of(self, call: DeniedCall) -> str | None:
        caller = call.caller
        if caller.arn or not caller.account or not caller.unique_id:
            return caller.arn
        return self._arns.get((caller.account, caller.unique_id))

    def _finding(self, group: _Group) -> Finding:
        call = group.call
        if call.bucket and not call.bucket_account:
            call = replace(call, bucket_account=self._owners.get(call.bucket))
        arn = self._arn_of(call)
        name = _RULES.match(call, arn)
        return Finding(
            incident_id_of(call, arn),
            call,
            group.count,
            group.first,
            group.last,
            tuple(group.events),
            group.folders,
            next((preset for preset in _RULES.presets if preset.name == name), None),
        )


_RULES = SuppressionRules()
"""The presets that the service has by default."""


def _key_of(call: DeniedCall, arn: str | None = None) -> _Key:
    needs = call.s3_actions or call.kms_actions or (call.message.action or call.operation,)
    key = call.kms_key if call.service == "kms" else None
    source = call.copy_source.bucket if call.copy_source else None
    where = (call.bucket, call.access_point_arn, key, source)
    region = call.region if call.via_service else ""
    return (principal_of(call, arn), *where, call.access.value, needs, region)


class _Index:
    """The S3 calls among which a KMS record is looked for, by their correlation key."""

    def __init__(
        self, groups: Iterable[_Group], arn_of: Callable[[DeniedCall], str | None]
    ) -> None:
        self._arn_of = arn_of
        self._by_key: dict[str, list[tuple[_Group, list[tuple[float, str]]]]] = {}
        for group in groups:
            call = group.call
            if call.service != "s3" or not needs_kms(call):
                continue
            times = sorted((at, time) for time in group.times if (at := _seconds(time)) is not None)
            for key in {self._key(call), _key_correlation(call)}:
                if key and times:
                    self._by_key.setdefault(key, []).append((group, times))

    def _key(self, call: DeniedCall) -> str | None:
        return correlation_key_of(call, principal_of(call, self._arn_of(call)))

    def take(self, of_kms: _Group) -> _Group | None:
        """Link the KMS calls of a group to their S3 calls; those left over, None if none is."""
        groups = self._by_key.get(self._key(of_kms.call) or "", [])
        left: list[str] = []
        for time in of_kms.times:
            call = replace(of_kms.call, time=time)
            candidates = {
                str(n): (g, _candidate(str(n), g, t, call)) for n, (g, t) in enumerate(groups)
            }
            found = [candidate for _, candidate in candidates.values()]
            match = match_kms_record(call, found) or self._match_late(call, found, candidates)
            if match is None:
                left.append(time)
                continue
            _link(candidates[match.incident_id][0], of_kms)
        if not left:
            return None
        of_kms.times, of_kms.count = left, len(left)
        of_kms.first, of_kms.last = min(left), max(left)
        return of_kms

    def _match_late(
        self,
        call: DeniedCall,
        found: Sequence[Candidate],
        candidates: Mapping[str, tuple["_Group", Candidate]],
    ) -> Candidate | None:
        """The calls of the only incident within the hour; several actions are one incident."""
        nearest: dict[str, Candidate] = {}
        for candidate in sorted(found, key=lambda one: seconds_apart(call, one)):
            of = candidates[candidate.incident_id][0].call
            fits = match_late_kms_record(call, [candidate]) is not None
            if fits:
                nearest.setdefault(incident_id_of(of, self._arn_of(of)), candidate)
        return match_late_kms_record(call, nearest.values())


def _link(group: _Group, of_kms: _Group) -> None:
    """What a KMS record says of an S3 call: the key, where the call itself does not name one."""
    for event in list(of_kms.events)[: SAMPLE_SIZE - len(group.events)]:
        group.events.setdefault(event)
    key = of_kms.call.kms_key or ""
    stated = group.call.kms_key_source
    if key.startswith("arn:") and stated in (None, KeySource.KMS_RECORD):
        group.call = replace(group.call, kms_key=key, kms_key_source=KeySource.KMS_RECORD)


def _candidate(
    name: str, group: _Group, times: list[tuple[float, str]], of_kms: DeniedCall
) -> Candidate:
    """A group's call that is nearest to a KMS record."""
    at = _seconds(of_kms.time) or 0.0
    index = bisect_left(times, (at, ""))
    near = times[max(0, index - 1) : index + 1]
    nearest = min(near, key=lambda one: abs(one[0] - at))[1]
    call = group.call
    named = call.kms_key if call.kms_key_source is not KeySource.KMS_RECORD else None
    return Candidate(
        incident_id=name,
        bucket=call.bucket or call.access_point_arn,
        kms_actions=kms_actions_of(call),
        first_seen=nearest,
        last_seen=nearest,
        key=named if (named or "").startswith("arn:") else None,
        source_ip=call.source_ip,
        user_agent=call.user_agent,
    )


def _key_correlation(call: DeniedCall) -> str | None:
    """Under the key that the call names: some KMS records name no principal."""
    return kms_key_correlation_key(call.kms_key, call.region)


def _seconds(time: str) -> float | None:
    try:
        return datetime.fromisoformat(time).timestamp()
    except ValueError:
        return None
