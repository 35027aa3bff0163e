"""The one logger, tracer and metrics of every handler."""

from aws_lambda_powertools import Logger, Metrics, Tracer

NAMESPACE = "threegrants"
logger = Logger(service="threegrants")
tracer = Tracer(service="threegrants")
metrics = Metrics(namespace=NAMESPACE, service="threegrants")
