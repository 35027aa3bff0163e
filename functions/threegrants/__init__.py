"""threegrants: which of the three grants is missing when S3 with a customer KMS key says no."""

__version__ = "0.1.0"
