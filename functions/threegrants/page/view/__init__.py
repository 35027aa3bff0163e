"""The approval page's pure half: frozen values in, HTML out.

In: `inputs.py`, what the page's function has read. Out: whole pages (`render.py`), the audit as CSV and
JSON (`audit.py`), the style sheet. No I/O but reading the package's own templates.
"""
