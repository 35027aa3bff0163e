"""The one logger and metrics of every handler.

Lambda traces the functions (`Tracing: Active` in template.yaml) without a library of ours. Each line of
the log carries the id of its trace as `xray_trace_id`, which the logger takes from `_X_AMZN_TRACE_ID`.

Source: https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
"""

from aws_lambda_powertools import Logger, Metrics

NAMESPACE = "threegrants"
logger = Logger(service="threegrants")
metrics = Metrics(namespace=NAMESPACE, service="threegrants")
