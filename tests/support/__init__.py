"""What tests share: records, policies, worlds, AWS on moto, harnesses of the service, faults.

A test reads as a case; how its world is built stands here, once.
"""
