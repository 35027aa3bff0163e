"""AWS's own two formats: the ARN, and the policy document as JSON; pure, and used by every package.

In: texts and parsed JSON. Out: an `Arn`, a partition, the statements and principals of a policy, its
normal form, and whether a statement was written by this service.
"""
