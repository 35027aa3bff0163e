"""Commands that fetch denied calls from a person's own trail: from its bucket, Athena, CloudWatch. Pure.

Sources:
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/get-and-view-cloudtrail-log-files.html
https://docs.aws.amazon.com/athena/latest/ug/create-cloudtrail-table-partition-projection.html
https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/logs/FilterAndPatternSyntax.html
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/view-cloudtrail-events-cli.html
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from shlex import quote

from threegrants.aws.arn import is_account_id

_SHAPES = {
    "bucket": re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"),
    "prefix": re.compile(r"[\w!.*'()/ =@:+,-]{0,200}"),
    "organization": re.compile(r"o-[a-z0-9]{10,32}"),
    "region": re.compile(r"[a-z]{2,4}(?:-[a-z]+)+-\d{1,2}"),
    "log group": re.compile(r"[\w./#-]{1,512}"),
    "place for results": re.compile(
        r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](?:/[\w!.*()/=@:+,-]*)?"
    ),
    "name": re.compile(r"[A-Za-z_]\w{0,100}"),
}
_MOST_DAYS = 31
"""Days that are listed one by one; more are copied month by month."""
_SOURCES = ("s3.amazonaws.com", "kms.amazonaws.com", "s3express.amazonaws.com",
            "s3-outposts.amazonaws.com")  # fmt: skip
_DENIED = "(errorcode LIKE '%AccessDenied%' OR errorcode LIKE 'KMS.%')"


class FetchError(ValueError):
    """A part of the set-up that cannot be, or that is missing."""


@dataclass(frozen=True, slots=True)
class TrailSetup:
    """Where a person's records are, and which are wanted.

    Args:
        accounts: the accounts in which calls were recorded.
        regions: the Regions in which they were.
        first: the first day, in UTC.
        last: the last day.
        trail_bucket: the bucket that the trail writes to; empty if none.
        prefix: the trail's prefix in it.
        organization: the organisation's id, if the trail is the organisation's.
        log_group: the group in CloudWatch Logs that the trail writes to; empty if none.
        results: where Athena writes results; empty for the workgroup's place.
        bucket: the bucket that was denied; empty for all.
        table: the Athena table.
    """

    accounts: tuple[str, ...]
    regions: tuple[str, ...]
    first: date
    last: date
    trail_bucket: str = ""
    prefix: str = ""
    organization: str = ""
    log_group: str = ""
    results: str = ""
    bucket: str = ""
    table: str = "cloudtrail_denials"

    def __post_init__(self) -> None:
        """Refuse what cannot be, before it stands in a command.

        Raises:
            FetchError: naming the part.
        """
        for kind, values in (
            ("bucket", (self.trail_bucket, self.bucket)),
            ("prefix", (self.prefix,)),
            ("organization", (self.organization,)),
            ("region", self.regions),
            ("log group", (self.log_group,)),
            ("place for results", (self.results,)),
            ("name", (self.table,)),
        ):
            for value in values:
                if value and not _SHAPES[kind].fullmatch(value):
                    raise FetchError(f"{value!r} is no {kind}")
        for account in self.accounts:
            if not is_account_id(account):
                raise FetchError(f"{account!r} is no AWS account id; expected 12 digits")
        if self.last < self.first:
            raise FetchError(f"the last day, {self.last}, is before the first, {self.first}")

    @property
    def root(self) -> str:
        """Where the accounts' folders are, without a slash at the end."""
        parts = (self.prefix.strip("/"), "AWSLogs", self.organization)
        return f"s3://{self.trail_bucket}/" + "/".join(part for part in parts if part)


def s3_commands(setup: TrailSetup) -> Iterator[str]:
    """Copy the trail's files of each account, Region and day, and diagnose them."""
    _require(setup, trail_bucket="--trail-bucket", accounts="--account", regions="--region")
    for account in setup.accounts:
        for region in setup.regions:
            for day in _days(setup):
                path = f"{account}/CloudTrail/{region}/{day}/"
                source, target = quote(f"{setup.root}/{path}"), quote(f"trail/{path}")
                yield f"aws s3 cp {source} {target} --recursive --only-show-errors"
    yield f"threegrants diagnose trail/{_span(setup)}{_of_bucket(setup)}"


def athena_table(setup: TrailSetup) -> Iterator[str]:
    """The table over the trail's files, whose partitions Athena works out."""
    _require(setup, trail_bucket="--trail-bucket", accounts="--account", regions="--region")
    location = _sql(setup.root)
    yield f"CREATE EXTERNAL TABLE IF NOT EXISTS {setup.table} ("
    yield from (f"  {line}" for line in _COLUMNS)
    yield ")"
    yield "PARTITIONED BY (account STRING, region STRING, day STRING)"
    yield "ROW FORMAT SERDE 'org.apache.hive.hcatalog.data.JsonSerDe'"
    yield "STORED AS INPUTFORMAT 'com.amazon.emr.cloudtrail.CloudTrailInputFormat'"
    yield "OUTPUTFORMAT 'org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat'"
    yield f"LOCATION '{location}/'"
    yield "TBLPROPERTIES ("
    yield "  'projection.enabled' = 'true',"
    yield f"  'projection.account.type' = 'enum', 'projection.account.values' = '{','.join(setup.accounts)}',"
    yield f"  'projection.region.type' = 'enum', 'projection.region.values' = '{','.join(setup.regions)}',"
    yield "  'projection.day.type' = 'date', 'projection.day.format' = 'yyyy/MM/dd',"
    yield f"  'projection.day.range' = '{setup.first:%Y/%m/%d},NOW',"
    yield "  'projection.day.interval' = '1', 'projection.day.interval.unit' = 'DAYS',"
    template = location + "/${account}/CloudTrail/${region}/${day}"
    yield f"  'storage.location.template' = '{template}'"
    yield ");"


def athena_query(setup: TrailSetup) -> Iterator[str]:
    """The denied calls with all columns that a diagnosis reads."""
    _require(setup, accounts="--account", regions="--region")
    yield f"SELECT {', '.join(_SELECTED)}"
    yield f"FROM {setup.table}"
    yield f"WHERE account IN ({_listed(setup.accounts)}) AND region IN ({_listed(setup.regions)})"
    yield f"  AND day BETWEEN '{setup.first:%Y/%m/%d}' AND '{setup.last:%Y/%m/%d}'"
    yield f"  AND eventsource IN ({_listed(_SOURCES)})"
    yield f"  AND {_DENIED}"
    if setup.bucket:
        named = f"requestparameters LIKE '%\"{_sql(setup.bucket)}\"%'"
        yield f"  AND ({named} OR eventsource = 'kms.amazonaws.com')"
    yield "ORDER BY eventtime;"


def athena_commands(setup: TrailSetup) -> Iterator[str]:
    """Make the table, ask for the denied calls, and diagnose them."""
    where = (
        f" --result-configuration OutputLocation={quote(setup.results)}" if setup.results else ""
    )
    yield "# The table is made once: for other accounts, Regions or an earlier day, name another by --table."
    for file, statement in (("table.sql", athena_table), ("query.sql", athena_query)):
        yield f"cat > {file} <<'SQL'"
        yield from statement(setup)
        yield "SQL"
    ask = 'aws athena get-query-execution --query-execution-id "$id" --output text --query QueryExecution'
    yield "athena() {"
    yield '  id=$(aws athena start-query-execution --query-string "$(cat "$1")" \\'
    yield f"    --query-execution-context Database=default{where} --query QueryExecutionId --output text)"
    yield f'  until {ask}.Status.State | grep -qE "SUCCEEDED|FAILED|CANCELLED"; do sleep 2; done'
    yield f"  {ask}.Status.StateChangeReason"
    yield "}"
    yield "athena table.sql && athena query.sql"
    yield f'aws s3 cp "$({ask}.ResultConfiguration.OutputLocation)" denials.csv'
    yield "threegrants diagnose denials.csv"


def cloudwatch_commands(setup: TrailSetup) -> Iterator[str]:
    """The denied calls from the trail's log group, Region by Region."""
    _require(setup, log_group="--log-group", regions="--region")
    sources = " || ".join(f'($.eventSource = "{source}")' for source in _SOURCES)
    wanted = f'({sources}) && (($.errorCode = "*AccessDenied*") || ($.errorCode = "KMS.*"))'
    if setup.bucket:
        named = f'($.requestParameters.bucketName = "{setup.bucket}")'
        wanted += f' && ({named} || ($.eventSource = "kms.amazonaws.com"))'
    start = _milliseconds(setup.first)
    end = _milliseconds(setup.last + timedelta(days=1))
    for region in setup.regions:
        yield (
            f"aws logs filter-log-events --region {region} --log-group-name {quote(setup.log_group)} "
            f"--start-time {start} --end-time {end} "
            f"--filter-pattern {quote('{ ' + wanted + ' }')} --output json > denials-{region}.json"
        )
    files = " ".join(f"denials-{region}.json" for region in setup.regions)
    yield f"threegrants diagnose {files}"


def history_commands(setup: TrailSetup) -> Iterator[str]:
    """Management events of the last 90 days, which need no trail: KMS, and S3's buckets."""
    _require(setup, regions="--region")
    last = setup.last + timedelta(days=1)
    for region in setup.regions:
        for source in ("kms.amazonaws.com", "s3.amazonaws.com"):
            yield (
                f"aws cloudtrail lookup-events --region {region} --lookup-attributes "
                f"AttributeKey=EventSource,AttributeValue={source} --start-time {setup.first} "
                f"--end-time {last} --output json > history-{region}-{source.partition('.')[0]}.json"
            )
    yield "threegrants diagnose history-*.json"


def find_trail_commands() -> Iterator[str]:
    """What says where a trail writes to."""
    fields = "{name:Name,bucket:S3BucketName,prefix:S3KeyPrefix,logs:CloudWatchLogsLogGroupArn,org:IsOrganizationTrail}"
    yield f"aws cloudtrail describe-trails --query 'trailList[].{fields}' --output table"


def _require(setup: TrailSetup, **options: str) -> None:
    missing = [option for name, option in options.items() if not getattr(setup, name)]
    if missing:
        raise FetchError(f"needs {', '.join(missing)}")


def _days(setup: TrailSetup) -> Iterator[str]:
    count = (setup.last - setup.first).days + 1
    days = [setup.first + timedelta(days=number) for number in range(count)]
    form = "%Y/%m/%d" if count <= _MOST_DAYS else "%Y/%m"
    yield from dict.fromkeys(day.strftime(form) for day in days)


def _span(setup: TrailSetup) -> str:
    return f" --since {setup.first} --until {setup.last}"


def _of_bucket(setup: TrailSetup) -> str:
    return f" --bucket {quote(setup.bucket)}" if setup.bucket else ""


def _milliseconds(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000)


def _listed(values: tuple[str, ...]) -> str:
    return ", ".join(f"'{_sql(value)}'" for value in values)


def _sql(text: str) -> str:
    return text.replace("'", "''")


_ISSUER = (
    "STRUCT<type: STRING, principalid: STRING, arn: STRING, accountid: STRING, username: STRING>"
)
_COLUMNS = (
    "eventversion STRING,",
    "useridentity STRUCT<type: STRING, principalid: STRING, arn: STRING, accountid: STRING,",
    "  invokedby: STRING, accesskeyid: STRING, username: STRING, sessioncontext: STRUCT<",
    "    attributes: STRUCT<mfaauthenticated: STRING, creationdate: STRING>,",
    f"    sessionissuer: {_ISSUER},",
    "    ec2roledelivery: STRING>>,",
    "eventtime STRING, eventsource STRING, eventname STRING, awsregion STRING,",
    "sourceipaddress STRING, useragent STRING, errorcode STRING, errormessage STRING,",
    "requestparameters STRING, responseelements STRING, additionaleventdata STRING,",
    "requestid STRING, eventid STRING, readonly STRING,",
    "resources ARRAY<STRUCT<arn: STRING, accountid: STRING, type: STRING>>,",
    "eventtype STRING, recipientaccountid STRING, sharedeventid STRING, vpcendpointid STRING,",
    "vpcendpointaccountid STRING,",
    "tlsdetails STRUCT<tlsversion: STRING, ciphersuite: STRING, clientprovidedhostheader: STRING>",
)
_SELECTED = ("eventversion", "useridentity", "eventtime", "eventsource", "eventname", "awsregion",
             "sourceipaddress", "useragent", "errorcode", "errormessage", "requestparameters",
             "additionaleventdata", "requestid", "eventid", "resources", "eventtype",
             "recipientaccountid", "sharedeventid", "vpcendpointid", "vpcendpointaccountid",
             "tlsdetails")  # fmt: skip
