"""The kinds of findings, one row each: code, severity, what follows, what to do, where more is said.

`make doctor-page` draws the table of docs/doctor.md from here.
"""

from types import MappingProxyType

from threegrants.doctor.finding import Kind, Severity

_EVENTBRIDGE = "https://docs.aws.amazon.com/eventbridge/latest/userguide/"
_CLOUDTRAIL = "https://docs.aws.amazon.com/awscloudtrail/latest/userguide/"
_LAMBDA = "https://docs.aws.amazon.com/lambda/latest/dg/"
_SNS = "https://docs.aws.amazon.com/sns/latest/dg/"
_SQS = "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/"
_C, _W, _N = Severity.CRITICAL, Severity.WARNING, Severity.NOTE

# --- records: trails, rules, forwarders, the bus ----------------------------------------------------
NO_TRAIL = Kind(
    "no_trail", _C, "EventBridge gets no CloudTrail events from there: nothing is seen.",
    "Deploy templates/trail.yaml in the account, or turn the trail's logging on (aws cloudtrail start-logging).",
    _CLOUDTRAIL + "cloudtrail-create-and-update-a-trail.html",
)  # fmt: skip
BUCKET_NOT_LOGGED = Kind(
    "bucket_not_logged", _C, "Denials of its objects leave no record in its owner's account.",
    "Let the owner's trail log the bucket's data events: ObjectArnPrefixes of templates/trail.yaml.",
    _CLOUDTRAIL + "logging-data-events-with-cloudtrail.html",
)  # fmt: skip
KMS_NOT_LOGGED = Kind(
    "kms_not_logged", _C, "A denial by a key's policy leaves no record that names the key.",
    "Let one trail log all management events, reads too, without excluding kms.amazonaws.com.",
    _CLOUDTRAIL + "logging-management-events-with-cloudtrail.html",
)  # fmt: skip
RULE_MISSING = Kind(
    "rule_missing", _C, "Records of denials do not get into the queue.",
    "Deploy the service's stack again; detect drift first (aws cloudformation detect-stack-drift).",
    _EVENTBRIDGE + "eb-rules.html",
)  # fmt: skip
RULE_DISABLED = Kind(
    "rule_disabled", _C, "It sends nothing.",
    "Enable it: RuleState=ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS of its stack.",
    _EVENTBRIDGE + "eb-rules.html",
)  # fmt: skip
RULE_WITHOUT_READS = Kind(
    "rule_without_reads", _C, "KMS Decrypt is a read-only management event: no denial by a key comes.",
    "Set RuleState=ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS of its stack.",
    _EVENTBRIDGE + "eb-service-event-cloudtrail-management.html",
)  # fmt: skip
RULE_CHANGED = Kind(
    "rule_changed", _C, "Some denials do not match it, or go elsewhere.",
    "Deploy its stack again with the template's pattern and target.",
    _EVENTBRIDGE + "eb-event-patterns.html",
)  # fmt: skip
RULE_FAILS = Kind(
    "rule_fails", _C, "Denials that matched were not delivered.",
    "Look at the policy of the target and at the rule's role; the events are in the rule's dead-letter queue.",
    _EVENTBRIDGE + "eb-rule-dlq.html",
)  # fmt: skip
FORWARDER_MISSING = Kind(
    "forwarder_missing", _C, "A rule sees its own account and Region only: denials there are not seen.",
    "Deploy templates/forwarder.yaml in that account and Region.",
    _EVENTBRIDGE + "eb-cross-account.html",
)  # fmt: skip
BUS_CLOSED = Kind(
    "bus_closed", _C, "Its forwarder is refused: its denials are not seen.",
    "Name the account in MemberAccounts of the service's stack, or give OrganizationId.",
    _EVENTBRIDGE + "eb-event-bus-perms.html",
)  # fmt: skip
ACCOUNT_SILENT = Kind(
    "account_silent", _W, "Its trail, rule or forwarder may be gone; or nothing was denied.",
    "Look at its trail and its forwarder; SilentAfterHours says how long is normal.",
    _EVENTBRIDGE + "eb-troubleshooting.html",
)  # fmt: skip
ACCOUNT_NEVER_HEARD = Kind(
    "account_never_heard", _N, "Either nothing was denied there, or its records do not arrive.",
    "Deny one call on purpose there; within 15 minutes its record should have come.",
    _EVENTBRIDGE + "eb-troubleshooting.html",
)  # fmt: skip

# --- the configuration, and the members' roles ------------------------------------------------------
CONFIGURATION_MISSING = Kind(
    "configuration_missing", _C, "Nothing is in force: no account is read, nothing is diagnosed.",
    "Deploy a configuration (docs/configuration.md).",
    "docs/configuration.md",
)  # fmt: skip
CONFIGURATION_INVALID = Kind(
    "configuration_invalid", _C, "Nothing is in force: no account is read, nothing is diagnosed.",
    "Deploy the version before it, or a mended one (threegrants config check FILE).",
    "docs/configuration.md",
)  # fmt: skip
NO_ACCOUNTS = Kind(
    "no_accounts", _N, "Only what the organisation allows is read; without one, every diagnosis is unknown.",
    "Name accounts in accounts.read of the configuration (AccountsToRead).",
    "docs/configuration.md",
)  # fmt: skip
READER_REFUSED = Kind(
    "reader_refused", _C, "Its policies are not read: every diagnosis about it is unknown.",
    "Deploy templates/member.yaml there, with the role ARNs of this stack's outputs and the same ExternalId.",
    "https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_roles.html",
)  # fmt: skip
ROLE_MISSING = Kind(
    "role_missing", _C, "Its policies are not read: every diagnosis about it is unknown.",
    "Deploy templates/member.yaml there.",
    "https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_roles.html",
)  # fmt: skip
TRUST_BROKEN = Kind(
    "trust_broken", _C, "These functions of the service are refused there.",
    "Update the member's stack with the role ARNs of this stack's outputs. A role that was deleted and made "
    "again has another id, which an older trust policy does not name.",
    "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html",
)  # fmt: skip
WRITER_REFUSED = Kind(
    "writer_refused", _W, "Approved patches of its kind fail there, if it is not left out on purpose.",
    "Deploy templates/member.yaml there with this kind of remediation, or take the account out of accounts.trusted.",
    "https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_roles.html",
)  # fmt: skip
WRITER_MISSING = Kind(
    "writer_missing", _N, "Patches of its kind are not applied there: it is left out, or was never deployed.",
    "If they should be: deploy templates/member.yaml there with this kind of remediation.",
    "docs/remediation.md",
)  # fmt: skip
KEY_UNUSABLE = Kind(
    "key_unusable", _C, "What it seals or encrypts cannot be used: approvals, runs or alerts.",
    "Enable it (aws kms enable-key), or cancel its deletion first (aws kms cancel-key-deletion).",
    "https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html",
)  # fmt: skip

# --- the pipeline: functions, queues, the sweep -----------------------------------------------------
FUNCTION_DOWN = Kind(
    "function_down", _C, "It does not run.",
    "Deploy the stack again; if it has no concurrency, aws lambda delete-function-concurrency.",
    _LAMBDA + "functions-states.html",
)  # fmt: skip
FUNCTION_FAILS = Kind(
    "function_fails", _W, "What it did not do is tried again, and is a dead letter in the end.",
    "Read its log.",
    _LAMBDA + "monitoring-metrics-types.html",
)  # fmt: skip
FUNCTION_THROTTLED = Kind(
    "function_throttled", _W, "Denials and patches wait.",
    "Raise the account's concurrency, or what the function has of it.",
    _LAMBDA + "lambda-concurrency.html",
)  # fmt: skip
SOURCE_DISABLED = Kind(
    "source_disabled", _C, "Nothing is taken from the queue.",
    "Enable the event source mapping (aws lambda update-event-source-mapping --enabled).",
    _LAMBDA + "services-sqs-configure.html",
)  # fmt: skip
QUEUE_LATE = Kind(
    "queue_late", _W, "Denials are diagnosed late, and approved patches applied late.",
    "Look at the errors and throttles of the function behind it.",
    _SQS + "sqs-available-cloudwatch-metrics.html",
)  # fmt: skip
DEAD_LETTERS = Kind(
    "dead_letters", _W, "They are not diagnosed, or not applied, and are deleted after 14 days.",
    "Read why (the message attribute, or the function's log), mend it, and start a redrive.",
    _SQS + "sqs-configure-dead-letter-queue-redrive.html",
)  # fmt: skip
SWEEP_STALE = Kind(
    "sweep_stale", _C, "What is half done is neither finished nor undone, and no held alert is sent.",
    "Enable the schedule, and read the sweep's log.",
    "https://docs.aws.amazon.com/scheduler/latest/UserGuide/troubleshooting.html",
)  # fmt: skip

# --- alerts and alarms ------------------------------------------------------------------------------
NOBODY_TOLD = Kind(
    "nobody_told", _C, "Alerts reach nobody.",
    "Subscribe the on-call to the topic (AlertEmail), and confirm.",
    _SNS + "sns-create-subscribe-endpoint-to-topic.html",
)  # fmt: skip
SUBSCRIPTION_PENDING = Kind(
    "subscription_pending", _W, "This one gets no alerts yet; an unconfirmed subscription ends by itself.",
    "Confirm it by the link that SNS sent, or subscribe again.",
    _SNS + "SendMessageToHttp.confirm.html",
)  # fmt: skip
ALERTS_FAIL = Kind(
    "alerts_fail", _C, "Somebody was not told.",
    "Look at the subscriptions' endpoints; SNS can log each delivery.",
    _SNS + "sns-topic-attributes.html",
)  # fmt: skip
ALERTS_MUTED = Kind(
    "alerts_muted", _N, "They count on without alerts.",
    "threegrants mute ID --hours 0 lets them through again.",
    "docs/cli.md",
)  # fmt: skip
ALARM_SILENT = Kind(
    "alarm_silent", _W, "It goes off without a word.",
    "Turn its actions on (aws cloudwatch enable-alarm-actions), or deploy the stack again.",
    "https://docs.aws.amazon.com/cli/v1/reference/cloudwatch/enable-alarm-actions.html",
)  # fmt: skip
ALARM_RAISED = Kind(
    "alarm_raised", _W, "It has gone off and is not over.",
    "Its description says what is wrong.",
    "https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html",
)  # fmt: skip

# --- and what could not be looked at ----------------------------------------------------------------
UNREAD = Kind(
    "unread", _W, "Whether this is in order cannot be told.",
    "Give the permission that is named, or run it as somebody who has it.",
    "https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html",
)  # fmt: skip

KINDS = MappingProxyType(
    {one.code: one for one in list(globals().values()) if isinstance(one, Kind)}
)
"""All of them by code, in the order of the page."""
