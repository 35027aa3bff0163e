"""Of all tests: what botocore reads and builds for each client is read and built once a process.

Most of what a test on moto takes is that: the same files parsed for each session, the same endpoint
rules compiled for each client. Nothing of it has state.
"""

from functools import cache

import botocore.loaders
import botocore.regions
import botocore.session

_providers = {}
_provider = botocore.regions.EndpointProvider


def shared_provider(**given):
    key = tuple(id(value) for value in given.values())
    if key not in _providers:
        # What was given is kept too, so that nothing else gets its ids.
        _providers[key] = _provider(**given), given
    return _providers[key][0]


botocore.session.create_loader = cache(botocore.loaders.create_loader)
botocore.regions.EndpointProvider = shared_provider
