"""Rules on functions and their API: limits, loops, retries, logs, and who can call from elsewhere."""

from collections.abc import Iterator

from support.strict.stack import Stack

WORST_DIAGNOSIS_SECONDS = 10
"""One record at its worst: five rounds of calls (docs/architecture.md), two seconds each with retries."""
_ENVIRONMENT_BYTES = 4096
_API_SECONDS = 29


def environments_fit(stack: Stack) -> Iterator[str]:
    """Lambda takes 4 KB of environment variables a function, names and values together.

    https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
    """
    for name, function in stack.functions():
        variables = function["Environment"]["Variables"]
        size = sum(len(str(key)) + len(str(value).encode()) for key, value in variables.items())
        if size > _ENVIRONMENT_BYTES:
            yield f"{name}: {size} bytes"


def timeouts_add_up(stack: Stack) -> Iterator[str]:
    """A batch ends before its function does, and the function long before its messages come again.

    Six times the function's timeout: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
    """
    queues = dict(stack.of("AWS::SQS::Queue"))
    functions = dict(stack.functions())
    for name, queue, batch in stack.queue_sources():
        timeout = functions[name]["Timeout"]
        visible = queues[queue].get("VisibilityTimeout", 30)
        if batch * WORST_DIAGNOSIS_SECONDS >= timeout:
            yield f"{name}: {batch} records of {WORST_DIAGNOSIS_SECONDS} s in {timeout} s"
        if visible < 6 * timeout:
            yield f"{queue}: visible again after {visible} s, its function runs {timeout} s"
    for name, api in stack.of("AWS::Serverless::Api"):
        called = [one for one in functions if f":function:{one}" in str(api) or one in str(api)]
        for one in called:
            if functions[one]["Timeout"] > _API_SECONDS:
                yield f"{one}: {name} waits for {_API_SECONDS} s"


def functions_that_feed_themselves_may(stack: Stack) -> Iterator[str]:
    """Lambda stops a function whose message has come back to it about 16 times, unless it is allowed.

    https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
    """
    functions = dict(stack.functions())
    for name, queue, _ in stack.queue_sources():
        role = stack.named(functions[name]["Role"])
        sends = any(
            one.where.startswith(f"{role}, ")
            and one.effect == "Allow"
            and "sqs:SendMessage" in one.actions
            and queue in map(stack.named, one.resources)
            for one in stack.statements()
        )
        if sends and functions[name].get("RecursiveLoop") != "Allow":
            yield f"{name} reads {queue} and may send to it"


def asynchronous_calls_are_settled(stack: Stack) -> Iterator[str]:
    """Lambda tries an asynchronous call twice more, up to six hours later, unless it is told not to.

    https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-configuring.html
    """
    for name, function in stack.functions():
        config = function.get("EventInvokeConfig", {})
        if not {"MaximumRetryAttempts", "MaximumEventAgeInSeconds"} <= set(config):
            yield f"{name} has no EventInvokeConfig of both"


def functions_log_into_groups_of_the_stack(stack: Stack) -> Iterator[str]:
    """A role without logs:CreateLogGroup writes only where the stack has made the group.

    https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-loggroups.html
    """
    groups = {name for name, _ in stack.of("AWS::Logs::LogGroup")}
    for name, function in stack.functions():
        group = stack.named(function.get("LoggingConfig", {}).get("LogGroup"))
        role = stack.named(function["Role"])
        writes = any(
            one.where.startswith(f"{role}, ")
            and {"logs:CreateLogStream", "logs:PutLogEvents"} <= {*one.actions}
            and group in map(stack.named, one.resources)
            for one in stack.statements()
        )
        if group not in groups or not writes:
            yield f"{name}: {group or 'no group of the stack'}"


def apis_are_rest(stack: Stack) -> Iterator[str]:
    """HTTP APIs have no resource policy: IAM callers of other accounts get 403.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-vs-rest.html
    """
    for name, _ in stack.of("AWS::Serverless::HttpApi", "AWS::ApiGatewayV2::Api"):
        yield f"{name} is an HTTP API"


def api_logs_have_the_accounts_role(stack: Stack) -> Iterator[str]:
    """A REST API's stage with access logs is refused until the account has a role for them.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html
    """
    for name, api in stack.of("AWS::Serverless::Api"):
        if "AccessLogSetting" not in api:
            continue
        account = stack.resources.get("ApiAccount", {})
        if account.get("Type") != "AWS::ApiGateway::Account":
            yield f"{name}: the account has no role for its logs"
        elif stack.raw[name].get("DependsOn") != "ApiAccount":
            yield f"{name}: may be made before the account's role"
