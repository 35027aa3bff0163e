"""The accounts and the bucket of which nearly every test tells."""

A, B, REGION = "111111111111", "222222222222", "eu-west-1"
"""A owns bucket and key, B the role that is denied."""
BUCKET = "a-reports"
BUCKET_ARN = f"arn:aws:s3:::{BUCKET}"
