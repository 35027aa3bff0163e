"""The one logger and metrics of every handler.

Lambda traces each invocation by itself (`Tracing: Active`, template.yaml); no tracing library is loaded.
The logger writes the trace's id, as Lambda gives it in the environment, on each line (`xray_trace_id`):
https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime
"""

import os

from aws_lambda_powertools import Logger, Metrics

NAMESPACE = "threegrants"
logger = Logger(service="threegrants")
metrics = Metrics(namespace=NAMESPACE, service=os.environ.get("STACK_NAME", "threegrants"))
"""Two stacks of an account and Region have alarms of their own: the metrics' dimension is the stack."""
