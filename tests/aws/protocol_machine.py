"""The state machine of the protocol's model: what may happen, in any order, and what must hold after each step."""

import threading
import time
import uuid
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from functools import partial
from types import SimpleNamespace

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
)

from support.aws import Aws
from support.names import REGION, A, B
from support.protocol_model import (
    BUCKET,
    FUNCTION,
    KEY,
    LIFETIME,
    NEEDS,
    OPERATIONS,
    OTHER,
    TICK,
    WRITES,
    Cloud,
    Process,
    foreign,
    gate,
    grants_to,
    policy,
    role,
    statement,
    statements,
)
from support.records import denied, s3, session_of
from support.runs import run_store, runs_table
from threegrants.cloudtrail import CallerType
from threegrants.incidents import Conflict, Move, State, Store
from threegrants.incidents.states import RUN_IN_PROGRESS
from threegrants.patches import Patch
from threegrants.patches.grant_end import end_in, end_text
from threegrants.patches.grant_statement import OBJECT_CONTEXT, GrantCondition, GrantStatement
from threegrants.remediation import Limits, Refused, RemediationService, Sweep, WorkerService
from threegrants.remediation.approval_request import ApprovalRequest
from threegrants.remediation.outbox import OutboxItem, OutboxTask
from threegrants.remediation.seals import Signer
from threegrants.remediation.worker_service import TASK_SECONDS
from threegrants.report import PrincipalReport
from unit.remediation.reports import report_of

NUMBER = st.integers(0, len(NEEDS) - 1)
ENDS = st.sampled_from([None, None, 8 * 3600])
"""For how long is granted; `time_passes` may go beyond."""
SOME = st.integers(0, 60)
"""How many calls a worker comes before something else happens; an approval takes about 40."""


class Model(RuleBasedStateMachine):
    """The state machine; `setup` gives it moto's DynamoDB."""

    resource = None
    keys = None

    def __init__(self):
        super().__init__()
        self.clock = time.time()
        self.table = Aws().table(f"t-{uuid.uuid4().hex[:8]}", self.resource)
        self.runs = runs_table(self.table, self.resource)
        self.store = Store(self.table)
        self.run_store = run_store(self.runs, self.table, self.keys, Signer.WORKER)
        self.cloud = Cloud(self)
        self.edited_at = {"Admins": 0.0}
        self.processes = []
        self.serial = 0
        self.tampered = set()
        self.checked = {}
        self.last_write = {}
        self.states = {}
        self.ids = [self.denied(number) for number in range(len(NEEDS))]
        self.number_of = {identity: number for number, identity in enumerate(self.ids)}

    # --- the world ---

    def denied(self, number):
        who = session_of(role(number))
        record = s3(
            f"e-{number}", "2026-11-24T03:00:00Z", bucket="shared", key="k", userIdentity=who
        )
        self.store.record_event(f"tg-{number}", denied(record), record)
        self.diagnose_again(number)
        return f"tg-{number}"

    def diagnose_again(self, number):
        incident = self.store.get(f"tg-{number}")
        report = report_of(
            *(self.patch(number, target) for target in NEEDS[number]),
            principal=PrincipalReport(role(number), None, B, CallerType.ROLE),
            bucket="shared",
        )
        report = replace(report, id=incident.id)
        self.store.save_diagnosis(incident, report, incident.state, "", alert_due=False)

    def patch(self, number, target):
        before = self.cloud.texts[target]
        key = target == KEY
        # Objects of its own for each incident and moment, so that no two share a statement.
        objects = f"/{number}-{len(self.edited_at)}/*"
        ours = GrantStatement(
            role(number),
            ("kms:Decrypt" if key else "s3:GetObject",),
            ("*" if key else f"{target}{objects}",),
            (GrantCondition(OBJECT_CONTEXT, (f"{BUCKET}{objects}",)),) if key else (),
        ).to_statement("read")
        grant = "key_policy" if key else "bucket_policy"
        after = policy(*statements(before), ours)
        return Patch(grant, A, REGION, target, OPERATIONS[target], before, after, ours)

    def limits(self):
        return Limits(trusted=frozenset({A, B}), patches_an_hour=10_000)

    def api(self, ask):
        return RemediationService(
            self.store,
            run_store(self.runs, self.table, self.keys, Signer.APPROVER),
            self.cloud,
            self.limits,
            ask,
            lambda: self.clock,
        )

    def attend(self, identity, until):
        """What the worker function does for an incident, whoever asked and however often."""
        worker = WorkerService(
            self.store,
            run_store(self.runs, self.table, self.keys, Signer.WORKER),
            self.cloud,
            self.cloud,
            self.limits,
            self.reanalyze,
            lambda *_: None,
            lambda *_: None,
            lambda _: None,
            lambda: self.clock,
            LIFETIME,
        )
        for task in (worker.resume, partial(worker._look_into_what_is_due, report=Counter())):
            if until > self.clock + TASK_SECONDS:
                with suppress(Conflict, Refused):
                    task(identity, until)

    def reanalyze(self, incident):
        gate("reexamine")
        number = self.number_of[incident.id]
        now = end_text(int(self.clock))
        allowed = all(
            any(end_in(one) in ("", max(end_in(one), now)) for one in grants_to(number, text))
            for text in (self.cloud.texts[target] for target in NEEDS[number])
        )
        self.checked[incident.id] = (self.clock, allowed)
        found = SimpleNamespace(
            allowed=allowed, allowed_as_read=allowed, summary="as the model says"
        )
        return SimpleNamespace(diagnosis=found, evidence=None)

    def swept(self):
        asked, until = [], self.clock + FUNCTION
        Sweep(
            self.store,
            run_store(self.runs, self.table, self.keys, None),
            self.reanalyze,
            asked.append,
            lambda *_: None,
            self.trouble,
            lambda: self.clock,
            until,
            rechecks=0,
        ).run()
        for identity in asked:
            self.attend(identity, until)

    @staticmethod
    def trouble(identity, error):
        if identity != "outbox" and not isinstance(error, Refused):
            raise error

    def start(self, name, what, steps):
        """A worker, and how far it comes before anything else happens."""
        process = Process(name, what, self.clock)
        self.processes.append(process)
        self.steps(process, steps)

    def tick(self):
        self.clock += TICK

    def check_write(self, target, old, new):
        """Nothing is granted without an approval that names it, by a worker that holds the lease."""
        self.last_write[target] = self.clock
        for one in (s for s in new if not foreign(s) and s not in old):
            number = next(n for n in range(len(NEEDS)) if role(n) == one["Principal"]["AWS"])
            identity = f"tg-{number}"
            free = threading.Thread(target=partial(self.look, identity, target, one))
            free.start()
            free.join()

    def look(self, identity, target, one):
        held = self.run_store.lease_holder(target)
        if held != identity:
            self.cloud.broken.append(f"{target} written for {identity}, held by {held}")
        state, run = self.store.get(identity).state, self.run_store.last_run(identity)
        approved = [i.patch for i in self.run_store.intents(identity, (run.id,))]
        if state is not State.APPLYING or one not in [p.statement for p in approved]:
            self.cloud.broken.append(f"{one['Sid']} written without an approval ({state})")

    # --- what happens ---

    @rule(number=NUMBER, who=st.sampled_from(["sam", "kim"]), seconds=ENDS, steps=SOME)
    def approve(self, number, who, seconds, steps):
        self.start(f"approve {number}", partial(self.approved, number, who, seconds), steps)

    def approved(self, number, who, seconds):
        """A person approves what is offered, and the worker is told; the incident's state then."""
        identity, until = f"tg-{number}", self.clock + FUNCTION
        digests = list(self.store.get(identity).report.patches_by_digest)
        asked = []
        approver = f"arn:aws:sts::{A}:assumed-role/{who}/x"
        request = ApprovalRequest(seconds=seconds)
        self.api(asked.append).approve(identity, digests, approver, request)
        for one in asked:
            self.attend(one, until)
        return self.store.get(identity).state

    @rule(number=NUMBER, steps=SOME)
    def roll_back(self, number, steps):
        self.start(f"rollback {number}", partial(self.rolled_back, number), steps)

    def rolled_back(self, number):
        """A person wants it back, and the worker is told."""
        asked, until = [], self.clock + FUNCTION
        self.api(asked.append).rollback(f"tg-{number}", f"arn:aws:sts::{A}:assumed-role/sam/x")
        for one in asked:
            self.attend(one, until)

    @rule(number=NUMBER, steps=SOME)
    def message(self, number, steps):
        """A message comes twice, late, or from somebody who may send one: it is worth nothing."""
        until = self.clock + FUNCTION
        self.start(f"worker {number}", lambda: self.attend(f"tg-{number}", until), steps)

    @rule(steps=SOME)
    def sweep(self, steps):
        self.start("sweep", self.swept, steps)

    @precondition(lambda self: self.alive())
    @rule(data=st.data(), steps=st.sampled_from([1, 2, 5, 20, 1000]))
    def go_on(self, data, steps):
        self.steps(data.draw(st.sampled_from(self.alive())), steps)

    @precondition(lambda self: self.alive())
    @rule(data=st.data(), upto=st.sampled_from(WRITES))
    def go_on_up_to(self, data, upto):
        """Stop right before, or right after, a call that changes something."""
        process = data.draw(st.sampled_from(self.alive()))
        self.steps(process, 1000, upto)
        if data.draw(st.booleans()):
            self.steps(process, 1)

    def steps(self, process, most, upto=None):
        for _ in range(most):
            if process.done or (upto is not None and process.next == upto):
                break
            self.tick()
            process.step()
            if process.last in WRITES:
                self.holds()

    @precondition(lambda self: self.alive())
    @rule(data=st.data())
    def dies(self, data):
        data.draw(st.sampled_from(self.alive())).kill()

    @rule(where=st.sampled_from([BUCKET, KEY, OTHER]))
    def someone_adds(self, where):
        self.tick()
        sid = f"Foreign{len(self.edited_at)}"
        self.edited_at[sid] = self.clock
        text = self.cloud.texts[where]
        self.cloud.texts[where] = policy(*statements(text), statement(sid, A))
        self.tick()

    @rule(where=st.sampled_from([BUCKET, KEY, OTHER]), data=st.data())
    def someone_edits_ours(self, where, data):
        listed = statements(self.cloud.texts[where])
        ours = [s for s in listed if not foreign(s)]
        if not ours or data.draw(st.integers(0, 3)):  # seldom
            return
        chosen = data.draw(st.sampled_from(ours))
        self.tampered.add(chosen["Sid"])
        edited = {**chosen, "Action": "s3:ListBucket"}
        self.cloud.texts[where] = policy(*(edited if s == chosen else s for s in listed))

    @rule(number=NUMBER)
    def new_denial(self, number):
        """The diagnosis is made anew, for the policies as they are."""
        identity = f"tg-{number}"
        incident = self.store.get(identity)
        if incident.state in RUN_IN_PROGRESS:
            return
        self.diagnose_again(number)
        if incident.state in (State.VERIFIED, State.ROLLED_BACK, State.FAILED):
            opened = Move(State.OPEN, "service", "opened again")
            self.run_store.move(self.store.get(identity), opened)

    @rule(seconds=st.sampled_from([5, 40, 700, 100_000]))
    def time_passes(self, seconds):
        """Lambda ends a function at its timeout, wherever it is."""
        for process in self.alive():
            if process.until < self.clock + seconds:
                process.kill()
        self.clock += seconds

    # --- what must hold ---

    def alive(self):
        return [process for process in self.processes if not process.done]

    @invariant()
    def holds(self):
        assert not self.cloud.broken
        held = {}
        for item in self.runs.scan()["Items"]:
            if item["pk"].startswith("lease#") and item["incident"] != "-":
                held.setdefault(item["incident"], set()).add(item["pk"].removeprefix("lease#"))
        for number, identity in enumerate(self.ids):
            state = self.store.get(identity).state
            wanted = held.get(identity, set())
            if state is State.APPLYING:
                assert wanted
                assert wanted <= set(NEEDS[number])
            assert bool(wanted) == (state in RUN_IN_PROGRESS), (identity, state, wanted)
            if state is State.VERIFIED and self.states.get(identity) is State.APPLYING:
                at, allowed = self.checked[identity]
                assert allowed
                assert at >= max(self.last_write[target] for target in NEEDS[number])
            self.states[identity] = state

    def teardown(self):
        try:
            self.settle()
        finally:
            for process in self.alive():
                process.kill()
            self.table.delete()
            self.runs.delete()

    def settle(self):
        """Everyone dies; some sweeps later everything is applied, undone, or told to a person."""
        for process in self.alive():
            process.kill()
        for _ in range(3):
            self.clock += 700
            self.swept()
            self.holds()
        windows = [
            OutboxItem.from_item(item)
            for item in self.runs.scan()["Items"]
            if item["pk"] == "agenda" and item["task"] == OutboxTask.WINDOW
        ]
        for _, at in self.cloud.lost:
            assert any(due.opened <= at <= due.closed for due in windows)
        for number, identity in enumerate(self.ids):
            state, run = self.store.get(identity).state, self.run_store.last_run(identity)
            assert state not in RUN_IN_PROGRESS
            history = self.store.history(identity)
            assert history[-1]["to"] == state
            stands = set() if run is None else {
                i.patch.statement["Sid"] for i in self.run_store.intents(identity, run.runs_in_force)
            }  # fmt: skip
            for target in NEEDS[number]:
                left = {s["Sid"] for s in grants_to(number, self.cloud.texts[target])}
                assert left - self.tampered <= stands, (identity, state, left, stands)
