"""The approval page: an incident as people see and decide it in a browser.

In: incidents, reports and a signed-in `Viewer`. Out: HTML; decisions go to the remediation API, which
checks them by itself.
"""
