"""What answers is not AWS: a page, or JSON that ends too early, is unread, with a reason, and no traceback."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from support.names import B
from support.records import denied, s3
from threegrants.analysis import AnalysisOptions, analyze
from threegrants.diagnosis import Outcome
from threegrants.evidence import RoleClients

PAGE = b"<!doctype html><html><title>Sign in to the network</title></html>"


class Portal(BaseHTTPRequestHandler):
    """Answers everything with a page, as a network's sign-in does."""

    status, kind, page = 200, "text/html", PAGE

    def do(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(self.status)
        self.send_header("Content-Type", self.kind)
        self.send_header("Content-Length", str(len(self.page)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(self.page)

    do_GET = do_POST = do_HEAD = do_PUT = do  # noqa: N815 - the names that http.server looks for

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def portal(monkeypatch):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Portal)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_address[1]}")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    yield
    server.shutdown()
    server.server_close()


ANSWERS = {
    "a sign-in page": (200, "text/html", PAGE),
    "a proxy's refusal": (403, "text/html; charset=utf-8", PAGE),
    "JSON that ends too early": (200, "application/json", b'{"Policy": "{'),
    "nothing at all": (200, "application/json", b""),
}


@pytest.mark.parametrize("own", [None, B], ids=["through a role", "by own credentials"])
@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_what_is_not_aws_is_unread_with_a_reason(portal, monkeypatch, own, answer):
    for name, value in zip(("status", "kind", "page"), answer, strict=True):
        monkeypatch.setattr(Portal, name, value)
    found = analyze(denied(s3()), RoleClients("reader", own_account=own), AnalysisOptions())
    assert found.diagnosis.outcome is Outcome.UNKNOWN
    whys = [missing.why for missing in found.diagnosis.unknowns]
    known = ("not AWS's", "not as documented", "could not be assumed")
    assert any(words in why for why in whys for words in known), whys
    assert found.patches == ()
