"""The Lambda functions: parse, call, respond; everything else is in the packages they call.

In: SQS batches, API requests and scheduled events. Out: Lambda responses, metrics and logs.
"""
