"""The embedded AWS: the service in an account of its own, and two member accounts in two Regions.

All of it from the templates that AWS gets. What the embedded AWS lacks is said in `emulator.py`.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import boto3
from botocore.config import Config

from service.user_pool import APPROVERS, BREAK_GLASS, VIEWERS, UserPool

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / ".ci")]

from trim_packages import trim

REGION = "eu-west-1"
"""The service's Region."""
OTHER_REGION = "eu-central-1"
REGIONS = (REGION, OTHER_REGION)
"""The Regions in which the members have a forwarder."""
SERVICE = "999999999999"
OWNER = "111111111111"
CALLER = "222222222222"
MEMBERS = (OWNER, CALLER)
STACK = "threegrants"
FORWARDER = "threegrants-forwarder"
_TEMPLATE_BODY_BYTES = 51_200
EXTERNAL_ID = "demo-external-id"
T = TypeVar("T")
_CONFIG = Config(retries={"max_attempts": 2}, s3={"addressing_style": "path"}, read_timeout=60)


@dataclass
class Embedded:
    """A running embedded AWS; accounts are told apart by their root credentials."""

    endpoint: str
    outputs: dict[str, str] = field(default_factory=dict)
    approver_policies: dict[str, str] = field(default_factory=dict)

    def session(self, account: str, region: str = REGION) -> boto3.Session:
        """The root user of an account (its access key id is the account id)."""
        return boto3.Session(
            aws_access_key_id=account, aws_secret_access_key="test", region_name=region
        )

    def client(
        self, service: str, account: str = SERVICE, session: Any = None, region: str = REGION
    ) -> Any:
        """A client of one account; of the service's own if nothing else is said."""
        made: Any = session or self.session(account)  # boto3's stubs know no service by variable
        return made.client(service, endpoint_url=self.endpoint, config=_CONFIG, region_name=region)

    def role_session(self, account: str, role: str, name: str = "demo") -> boto3.Session:
        """A session of a role, assumed by its own account's root."""
        answer = self.client("sts", account).assume_role(
            RoleArn=f"arn:aws:iam::{account}:role/{role}", RoleSessionName=name
        )
        given = answer["Credentials"]
        return boto3.Session(
            aws_access_key_id=given["AccessKeyId"],
            aws_secret_access_key=given["SecretAccessKey"],
            aws_session_token=given["SessionToken"],
            region_name=REGION,
        )

    def deploy_stack(
        self,
        account: str,
        name: str,
        template: str,
        parameters: dict[str, str],
        region: str = REGION,
    ) -> dict[str, str]:
        """Create one more stack; its outputs."""
        return _stack(self, account, name, template, parameters, region)

    def forward_from(self, account: str, region: str = REGION) -> dict[str, str]:
        """Deploy `templates/forwarder.yaml`, which sends to the service's bus; its outputs."""
        template = (ROOT / "templates" / "forwarder.yaml").read_text()
        bus = {"EventBusArn": self.outputs["EventBusArn"]}
        return self.deploy_stack(account, FORWARDER, template, bus, region)

    def stack_output(self, account: str, stack: str, name: str, region: str = REGION) -> str:
        """An output of a stack."""
        client = self.client("cloudformation", account, region=region)
        outputs = client.describe_stacks(StackName=stack)["Stacks"][0]["Outputs"]
        return str(next(o["OutputValue"] for o in outputs if o["OutputKey"] == name))

    def waiting_and_dead(self) -> dict[str, int]:
        """How many messages are in the queues of records now, whether they are being read or not."""
        names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
        return {
            queue: sum(
                int(value)
                for value in self.client("sqs")
                .get_queue_attributes(QueueUrl=self.outputs[queue], AttributeNames=list(names))[
                    "Attributes"
                ]
                .values()
            )
            for queue in ("QueueUrl", "DeadLetterQueueUrl")
        }

    def cloudtrail(self, record: dict[str, Any], account: str) -> None:
        """An account's record arrives on its default bus, as CloudTrail sends it (emulator.py).

        Raises:
            RuntimeError: if EventBridge refuses the event.
        """
        address = f"{self.endpoint}/_cloudtrail?account={account}"
        request = urllib.request.Request(address, json.dumps(record).encode(), method="POST")
        with urllib.request.urlopen(request, timeout=60) as answer:
            said = json.loads(answer.read())
        if said["FailedEntryCount"]:
            raise RuntimeError(f"the event bus refused the record: {said['Entries']}")

    def environment(self, session: Any = None) -> dict[str, str]:
        """The environment in which any boto3 program talks to the embedded AWS."""
        given = (session or self.session(SERVICE)).get_credentials()
        if given is None:
            raise RuntimeError("a session without credentials")
        found = {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": given.access_key,
            "AWS_SECRET_ACCESS_KEY": given.secret_key,
        }
        return found | ({"AWS_SESSION_TOKEN": given.token} if given.token else {})

    @contextmanager
    def shell(self, session: Any = None) -> Iterator[None]:
        """This environment, for a command that runs in this process."""
        before = dict(os.environ)
        os.environ.update(self.environment(session))
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)


@contextmanager
def running(*, keep: bool = False) -> Iterator[Embedded]:
    """Start the embedded AWS on a free port, with IAM enforced; stop it at the end."""
    port = _free_port()
    state = Path(tempfile.mkdtemp(prefix="threegrants-"))
    log = (state / "log").open("w")
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("AWS_")
    } | {
        "AUTH": "true",
        "GATEWAY_PORT": str(port),
        "EDGE_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "STATE_DIR": str(state / "state"),
        "S3_DATA_DIR": str(state / "s3"),
        "TMPDIR": str(state),
        "MINISTACK_REGION": REGION,
        "LOG_LEVEL": "INFO",
    }
    process = subprocess.Popen(
        [_python(), str(ROOT / "tests" / "service" / "emulator.py")],
        env=environment,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
    embedded = Embedded(f"http://localhost:{port}")
    try:
        wait_for("the embedded AWS", lambda: _healthy(embedded.endpoint, process), 60)
        yield embedded
    except BaseException:
        log.flush()
        sys.stderr.write(f"--- log of the embedded AWS ({state / 'log'}), its end:\n")
        sys.stderr.write("".join((state / "log").read_text().splitlines(keepends=True)[-40:]))
        raise
    finally:
        if keep:
            print(f"left running: process {process.pid}, state in {state}")
        else:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            log.close()
            shutil.rmtree(state, ignore_errors=True)


def _python() -> str:
    """The interpreter that has the embedded AWS; it pins its own botocore, so it lives apart."""
    own = os.environ.get("THREEGRANTS_MINISTACK")
    return own or str(ROOT / ".venv-ministack" / "bin" / "python")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _healthy(endpoint: str, process: "subprocess.Popen[bytes]") -> bool:
    if process.poll() is not None:
        raise RuntimeError(f"the embedded AWS ended with code {process.returncode}")
    try:
        with urllib.request.urlopen(f"{endpoint}/_ministack/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def wait_for(what: str, ready: Callable[[], T | None], seconds: float = 30) -> T:
    """Poll until `ready` gives something true.

    Raises:
        TimeoutError: naming what did not come.
    """
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found = ready()
        if found:
            return found
        time.sleep(0.2)
    raise TimeoutError(f"{what} did not come within {seconds:.0f} seconds")


def deploy(embedded: Embedded) -> None:
    """Deploy the service into its account as `sam deploy` does, and what belongs to it into A and B."""
    _deploy_service(embedded)
    for account in MEMBERS:
        _deploy_member(embedded, account)
    approvers = (ROOT / "templates" / "approvers.yaml").read_text()
    api = {"ServiceAccount": SERVICE, "ApiId": embedded.outputs["ApiId"]}
    embedded.approver_policies = _stack(embedded, CALLER, "threegrants-approvers", approvers, api)


def _deploy_service(embedded: Embedded) -> None:
    s3 = embedded.client("s3")
    s3.create_bucket(Bucket="deployments", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket="deployments", Key="functions.zip", Body=_package())
    embedded.client("ssm").put_parameter(
        Name="/threegrants/external-id", Type="SecureString", Value=EXTERNAL_ID
    )
    pool = UserPool.made(embedded)
    template = (ROOT / "template.yaml").read_text()
    template = template.replace("CodeUri: functions/", "CodeUri: s3://deployments/functions.zip")
    embedded.outputs = _stack(
        embedded,
        SERVICE,
        STACK,
        template,
        {
            "TrustedAccounts": ",".join(MEMBERS),
            "FourEyesAccess": "write,delete",
            "AllowReplay": "true",
            "MemberAccounts": ",".join(MEMBERS),
            "ApproverAccounts": CALLER,
            "NewIncidentsPerHour": "1000,1000,1000",
            "AlertsPerHour": "1000,1000,1000",
            "EndpointUrl": embedded.endpoint,
            "OidcIssuer": pool.issuer,
            "OidcDiscovery": pool.discovery,
            "OidcClientId": pool.client_id,
            "OidcGroupsClaim": "cognito:groups",
            "PageViewers": VIEWERS,
            "PageApprovers": APPROVERS,
            "PageBreakGlass": BREAK_GLASS,
            "SignedLinks": "true",
        },
    )
    pool.lets_back(embedded.outputs["PageUrl"])


def _deploy_member(embedded: Embedded, account: str) -> None:
    """The roles, once; a forwarder in each Region."""
    roles = ("DiagnoseRoleArn", "ApproveRoleArn", "SweepRoleArn", "WorkerRoleArn")
    _stack(
        embedded,
        account,
        "threegrants-member",
        (ROOT / "templates" / "member.yaml").read_text(),
        {"ExternalId": EXTERNAL_ID, **{role: embedded.outputs[role] for role in roles}},
    )
    for region in REGIONS:
        embedded.forward_from(account, region)


def _package() -> bytes:
    """The deployment package as `make build` makes it: the pinned libraries, our own code, trimmed."""
    with tempfile.TemporaryDirectory() as made, tempfile.TemporaryFile() as file:
        package = Path(made) / "package"
        no_caches = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / ".build" / "lambda", package, ignore=no_caches)
        shutil.copytree(ROOT / "functions", package, ignore=no_caches, dirs_exist_ok=True)
        trim(package, _python())
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for path in sorted(package.rglob("*")):
                if path.is_file():
                    archive.write(path, path.relative_to(package))
        file.seek(0)
        return file.read()


def _template(embedded: Embedded, template: str) -> dict[str, str]:
    """A template as CloudFormation takes it: a large one by way of S3, as `sam deploy` gives it.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
    """
    if len(template.encode()) <= _TEMPLATE_BODY_BYTES:
        return {"TemplateBody": template}
    embedded.client("s3").put_object(Bucket="deployments", Key="template.yaml", Body=template)
    return {"TemplateURL": f"{embedded.endpoint}/deployments/template.yaml"}


def _stack(
    embedded: Embedded,
    account: str,
    name: str,
    template: str,
    parameters: dict[str, str],
    region: str = REGION,
) -> dict[str, str]:
    client = embedded.client("cloudformation", account, region=region)
    client.create_stack(
        StackName=name,
        **_template(embedded, template),
        Parameters=[
            {"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()
        ],
        Capabilities=["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
    )

    def done() -> Any:
        stack = client.describe_stacks(StackName=name)["Stacks"][0]
        return stack if not stack["StackStatus"].endswith("IN_PROGRESS") else None

    stack = wait_for(f"stack {name}", done, 120)
    if stack["StackStatus"] != "CREATE_COMPLETE":
        events = client.describe_stack_events(StackName=name)["StackEvents"]
        reasons = [
            f"{e['LogicalResourceId']}: {e.get('ResourceStatusReason')}"
            for e in events
            if "FAILED" in e["ResourceStatus"]
        ]
        raise RuntimeError(f"stack {name}: {stack['StackStatus']}: {json.dumps(reasons)}")
    return {o["OutputKey"]: o["OutputValue"] for o in stack.get("Outputs", ())}
