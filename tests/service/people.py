"""The on-call: hears the alerts from the topic, and approves through the signed API."""

import json
import time
from dataclasses import dataclass
from typing import Any

from service.embedded import REGION, SERVICE, STACK, Embedded, wait_for
from threegrants.cli.service import ServiceClient
from threegrants.cli.waiting import wait_for_end


@dataclass(frozen=True)
class OnCall:
    """A subscriber's queue, and a role of the service's account that may call the API."""

    embedded: Embedded
    queue: str
    role: str

    @classmethod
    def hired(cls, embedded: Embedded) -> "OnCall":
        """Subscribe a queue to the alerts, and create the role."""
        sqs = embedded.client("sqs")
        queue = sqs.create_queue(QueueName="on-call-alerts")["QueueUrl"]
        arn = f"arn:aws:sqs:{REGION}:{SERVICE}:on-call-alerts"
        topic = embedded.outputs["TopicArn"]
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
        embedded.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
        iam = embedded.client("iam")
        trust = {"Effect": "Allow", "Principal": {"AWS": SERVICE}, "Action": "sts:AssumeRole"}
        iam.create_role(
            RoleName="on-call",
            AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
        )
        api = f"arn:aws:execute-api:{REGION}:{SERVICE}:{embedded.outputs['ApiId']}/*"
        allow = [
            {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": api},
            {
                "Effect": "Allow",
                "Action": "cloudformation:DescribeStacks",
                "Resource": f"arn:aws:cloudformation:{REGION}:{SERVICE}:stack/{STACK}/*",
            },
        ]
        iam.put_role_policy(
            RoleName="on-call",
            PolicyName="api",
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": allow}),
        )
        return cls(embedded, queue, "on-call")

    def alert(self, bucket: str, seconds: float = 60) -> tuple[str, dict[str, Any]]:
        """The next alert about a bucket: subject and diagnosis document."""
        sqs = self.embedded.client("sqs")

        def arrived() -> tuple[str, dict[str, Any]] | None:
            for message in sqs.receive_message(
                QueueUrl=self.queue, MaxNumberOfMessages=10, WaitTimeSeconds=1
            ).get("Messages", ()):
                sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
                envelope = json.loads(message["Body"])
                body: dict[str, Any] = json.loads(envelope["Message"])
                if body["request"]["bucket"] == bucket:
                    return str(envelope.get("Subject", "")), body
            return None

        return wait_for(f"an alert about {bucket}", arrived, seconds)

    def alerts(self) -> list[dict[str, Any]]:
        """Every alert that waits now: the diagnosis documents."""
        sqs = self.embedded.client("sqs")
        found: list[dict[str, Any]] = []
        while True:
            messages = sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get(
                "Messages", ()
            )
            if not messages:
                return found
            for message in messages:
                sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
                found.append(json.loads(json.loads(message["Body"])["Message"]))

    def decide(self, incident_id: str, what: str, body: Any = None, session: Any = None) -> Any:
        """Approve or roll back, as this role or as someone else, and wait for the end."""
        path = f"/incidents/{incident_id}"
        answer = self.api("POST", f"{path}/{what}", body or {}, session)
        return wait_for_end(
            answer, lambda: self.api("GET", path), lambda _: None, lambda _: time.sleep(0.5)
        )

    def api(self, method: str, path: str, body: Any = None, session: Any = None) -> Any:
        """One signed request to the service's API, as this role or as someone else."""
        who = session or self.embedded.role_session(SERVICE, self.role, "sam")
        service = ServiceClient(self.embedded.outputs["ApiUrl"], REGION, who)
        return service.call(method, path, body)
