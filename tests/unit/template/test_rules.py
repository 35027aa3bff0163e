"""Each rule refuses a small template that breaks it, and only for that."""

import re
from typing import Any

import cfnlint.decode.cfn_yaml
import pytest

from support.deployed_roles import Deployed
from support.names import A
from support.strict import RULES, refusals
from support.templates import ROOT

ROLE = """
  R:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Statement: [{Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: sts:AssumeRole}]
      Policies:
        - PolicyName: p
          PolicyDocument:
            Statement:
"""
LOG = """
              - {Effect: Allow, Action: [logs:CreateLogStream, logs:PutLogEvents], Resource: !GetAtt L.Arn}
"""
FUNCTION = """
  L: {Type: AWS::Logs::LogGroup}
  F:
    Type: AWS::Serverless::Function
    Properties:
      Role: !GetAtt R.Arn
      LoggingConfig: {LogGroup: !Ref L}
      EventInvokeConfig: {MaximumRetryAttempts: 0, MaximumEventAgeInSeconds: 300}
"""
QUEUE = """
  Q: {Type: AWS::SQS::Queue, Properties: {VisibilityTimeout: 60}}
  M:
    Type: AWS::Lambda::EventSourceMapping
    Properties: {FunctionName: !Ref F, EventSourceArn: !GetAtt Q.Arn, BatchSize: 1}
"""
TRAIL = """
  B: {Type: AWS::S3::Bucket}
  P:
    Type: AWS::S3::BucketPolicy
    Properties:
      Bucket: !Ref B
      PolicyDocument:
        Statement:
          - Effect: Allow
            Principal: {Service: cloudtrail.amazonaws.com}
            Action: [s3:GetBucketAcl, s3:PutObject]
            Resource: "*"
  T:
    Type: AWS::CloudTrail::Trail
    DependsOn: P
    Properties:
      S3BucketName: !Ref B
      IsLogging: true
      IsMultiRegionTrail: MULTI
      AdvancedEventSelectors:
        - FieldSelectors: [{Field: eventCategory, Equals: [Management]}MANAGEMENT]
        - FieldSelectors: [{Field: eventCategory, Equals: [Data]}DATA]
"""
DATA = (
    ", {Field: resources.type, Equals: [AWS::S3::Object]}, {Field: resources.ARN, StartsWith: [a]}"
)
RULE = """
  E:
    Type: AWS::Events::Rule
    Properties:
      State: STATE
      EventPattern: {source: [aws.s3, aws.kms], detail-type: [AWS API Call via CloudTrail]}
      Targets: [{Id: t, Arn: "arn:aws:events:eu-west-1:222222222222:event-bus/b"TARGET}]
"""
SENDER = """
              - Effect: Allow
                Action: events:PutEvents
                Resource: arn:aws:events:eu-west-1:222222222222:event-bus/b
"""
SET = """
  S:
    Type: AWS::CloudFormation::StackSet
    Properties:
      PermissionModel: SERVICE_MANAGED
      AutoDeployment: {Enabled: true, RetainStacksOnAccountRemoval: false}
"""
NAMED = "Capabilities: [CAPABILITY_NAMED_IAM]"


def trail(multi: str = "true", management: str = "", data: str = DATA) -> str:
    return (
        TRAIL.replace("MULTI", multi)
        .replace("MANAGEMENT", management)
        .replace("]}DATA", "]}" + data)
    )


def rule(state: str, target: str = "") -> str:
    return RULE.replace("STATE", state).replace("TARGET", target)


def allows(action: str, resource: str = '"*"', sid: str = "S") -> str:
    return f"{ROLE}              - {{Sid: {sid}, Effect: Allow, Action: {action}, Resource: {resource}}}\n"


def trusts(principal: str) -> str:
    return allows("sqs:ListQueues").replace("Service: lambda.amazonaws.com", f"AWS: {principal}")


ENABLED_WITH_ALL = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"
LOGGED = FUNCTION + ROLE + LOG
BROKEN = [
    ("one queue a policy", "one statement names two queues", """
  Q: {Type: AWS::SQS::Queue}
  D: {Type: AWS::SQS::Queue}
  P:
    Type: AWS::SQS::QueuePolicy
    Properties:
      Queues: [!Ref Q]
      PolicyDocument:
        Statement:
          - Effect: Allow
            Principal: {Service: events.amazonaws.com}
            Action: sqs:SendMessage
            Resource: [!GetAtt Q.Arn, !GetAtt D.Arn]
"""),
    ("one queue a policy", "one policy for two queues", """
  Q: {Type: AWS::SQS::Queue}
  D: {Type: AWS::SQS::Queue}
  P:
    Type: AWS::SQS::QueuePolicy
    Properties:
      Queues: [!Ref Q, !Ref D]
      PolicyDocument:
        Statement: [{Effect: Allow, Principal: "*", Action: sqs:SendMessage, Resource: !GetAtt Q.Arn}]
"""),
    ("sids", "a space", allows("sqs:ListQueues", sid="two words")),
    ("sids", "twice", allows("sqs:ListQueues")
        + "              - {Sid: S, Effect: Deny, Action: sqs:ListQueues, Resource: '*'}\n"),
    ("policy sizes", "an inline policy", allows("sqs:ListQueues", sid="S" * 10_240)),
    ("policy sizes", "a trust policy", trusts("[" + ", ".join(["'111111111111'"] * 140) + "]")),
    ("policy sizes", "a managed policy", f"""
  P:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      PolicyDocument:
        Statement: [{{Sid: {"S" * 6144}, Effect: Allow, Action: sqs:ListQueues, Resource: "*"}}]
"""),
    ("trust by account", "a role", trusts("arn:aws:iam::222222222222:role/r")),
    ("trust by account", "a role among others", trusts("['222222222222', 'arn:aws-cn:iam::222222222222:role/a/r']")),
    ("actions", "no such action", allows("s3:GetBucketPolicies")),
    ("actions", "no such service", allows("bucket:GetBucketPolicy")),
    ("actions", "an action without resource, on one", allows("iam:ListRoles", "arn:aws:iam::111111111111:role/*")),
    ("actions", "an object's action on a bucket", allows("s3:GetObject", "arn:aws:s3:::bucket")),
    ("actions", "a role's action on a user", allows("iam:GetRole", "arn:aws:iam::111111111111:user/*")),
    ("actions", "a Region where there is none", allows("iam:GetRole", "arn:aws:iam:eu-west-1:111111111111:role/*")),
    ("actions", "a resource that no action is on", allows("s3:GetObject", "['arn:aws:s3:::b/*', 'arn:aws:s3:::b']")),
    ("alarms may publish", "the key of SNS", """
  T: {Type: AWS::SNS::Topic, Properties: {KmsMasterKeyId: alias/aws/sns}}
  A: {Type: AWS::CloudWatch::Alarm, Properties: {AlarmActions: [!Ref T]}}
"""),
    ("names fit", "a role", allows("sqs:ListQueues").replace("Properties:", """Properties:
      RoleName: !Sub ${AWS::StackName}-${AWS::Region}-that-remediates""")),
    ("names fit", "a function", LOGGED.replace("Role: !G", "FunctionName: !Sub ${AWS::StackName}-the-function-of-the-remediation\n      Role: !G")),
    ("names of two Regions", "a role", allows("sqs:ListQueues").replace("Properties:", """Properties:
      RoleName: !Sub ${AWS::StackName}-r""")),
    ("names of two Regions", "a dashboard", """
  D: {Type: AWS::CloudWatch::Dashboard, Properties: {DashboardName: !Ref AWS::StackName, DashboardBody: "{}"}}
"""),
    ("table attributes", "one too many", """
  T:
    Type: AWS::DynamoDB::Table
    Properties:
      AttributeDefinitions: [{AttributeName: a, AttributeType: S}, {AttributeName: b, AttributeType: S}]
      KeySchema: [{AttributeName: a, KeyType: HASH}]
"""),
    ("environment", "4 KB of accounts", LOGGED.replace(
        "Role: !G", f"Environment: {{Variables: {{ACCOUNTS: '{'1' * 4096}'}}}}\n      Role: !G")),
    ("timeouts", "a batch takes longer", LOGGED.replace("Role: !G", "Timeout: 10\n      Role: !G") + QUEUE),
    ("timeouts", "visible too soon", LOGGED.replace("Role: !G", "Timeout: 11\n      Role: !G") + QUEUE),
    ("recursion", "back into its own queue", LOGGED.replace("Role: !G", "Timeout: 11\n      Role: !G")
        + "              - {Effect: Allow, Action: sqs:SendMessage, Resource: !GetAtt Q.Arn}\n"
        + QUEUE.replace("60", "600")),
    ("asynchronous retries", "Lambda's own", LOGGED.replace("MaximumRetryAttempts: 0, ", "")),
    ("log groups", "none", LOGGED.replace("LoggingConfig", "NoLoggingConfig")),
    ("log groups", "no right to write", FUNCTION + allows("sqs:ListQueues")),
    ("API for other accounts", "an HTTP API", "\n  A: {Type: AWS::Serverless::HttpApi}\n"),
    ("API logs", "no role of the account", "\n  A: {Type: AWS::Serverless::Api, Properties: {AccessLogSetting: {}}}\n"),
    ("read-only events", "just enabled", rule("ENABLED", ", RoleArn: !GetAtt R.Arn") + ROLE + SENDER),
    ("read-only events", "no KMS", rule(ENABLED_WITH_ALL, ", RoleArn: !GetAtt R.Arn").replace(", aws.kms", "") + ROLE + SENDER),
    ("sending to a bus", "no role", rule(ENABLED_WITH_ALL)),
    ("sending to a bus", "a role that may not", rule(ENABLED_WITH_ALL, ", RoleArn: !GetAtt R.Arn") + allows("sqs:ListQueues")),
    ("buses", "everybody may send", """
  B:
    Type: AWS::Events::EventBus
    Properties:
      Policy:
        Statement: [{Effect: Allow, Principal: "*", Action: events:PutEvents, Resource: "*"}]
"""),
    ("third accounts", "a bus behind a bus", rule(ENABLED_WITH_ALL, ", RoleArn: !GetAtt R.Arn")
        .replace("State:", "EventBusName: b\n      State:") + ROLE + SENDER),
    ("trails", "one Region", trail(multi="false")),
    ("trails", "no reads", trail(management=", {Field: readOnly, Equals: ['false']}")),
    ("trails", "no KMS", trail(management=", {Field: eventSource, NotEquals: [kms.amazonaws.com]}")),
    ("trails", "every bucket", trail(data=", {Field: resources.type, Equals: [AWS::S3::Object]}")),
    ("trails", "by errorCode", trail(data=DATA + ", {Field: errorCode, Equals: [AccessDenied]}")),
    ("trails", "before its bucket's policy", trail().replace("    DependsOn: P\n", "")),
    ("stack sets", "no capability", SET),
    ("stack sets", "to accounts", SET + f"""      {NAMED}
      StackInstancesGroup: [{{Regions: [eu-west-1], DeploymentTargets: {{Accounts: ['222222222222']}}}}]
"""),
]  # fmt: skip


def template(resources: str) -> Any:
    return cfnlint.decode.cfn_yaml.loads(f"Resources:{resources}")


@pytest.mark.parametrize(
    ("name", "resources"),
    [pytest.param(name, resources, id=f"{name}: {why}") for name, why, resources in BROKEN],
)
def test_a_broken_template_is_refused(name, resources):
    assert {one.rule for one in refusals(Deployed(template(resources), A))} == {name}


@pytest.mark.parametrize(
    "resources",
    [
        pytest.param(LOGGED, id="a function"),
        pytest.param(trail(), id="a trail"),
        pytest.param(f"{SET}      {NAMED}\n", id="a stack set"),
        pytest.param(rule(ENABLED_WITH_ALL, ", RoleArn: !GetAtt R.Arn") + ROLE + SENDER, id="a rule"),
        pytest.param(trusts("'222222222222'"), id="a role"),
    ],
)  # fmt: skip
def test_what_the_broken_ones_are_made_of_is_not_refused(resources):
    assert refusals(Deployed(template(resources), A)) == []


def test_every_rule_has_a_template_that_it_refuses():
    assert {name for name, _, _ in BROKEN} == set(RULES)


def test_every_rule_stands_in_the_table_of_what_emulators_forgive():
    table = (ROOT / "docs" / "testing.md").read_text().partition("## What emulators forgive")[2]
    named = set(re.findall(r"`([a-z_]+)`", table.partition("\n## ")[0]))
    assert named == {rule.__name__ for rule in RULES.values()}
