"""Faults of requests to a store and of their answers, and the record of each request."""

import urllib.parse
from dataclasses import dataclass, field

WHAT = {
    "latency": "the request waits for `seconds` first",
    "reset-before": "the connection breaks before the store gets the request",
    "reset-midway": "the connection breaks when the store has half of the request's body, or its head if there is no body",
    "reset-after": "the store gets the request, and the connection breaks before it can answer",
    "lost-reply": "the store handles the request and answers, but the connection breaks before the answer is sent",
    "late-error": "the store handles the request, and then `status` and the error `code` are the answer",
    "cut-body": "the answer breaks off within its body",
    "short-list": "a list of S3 comes in pages of at most `keys` keys, with empty ones among them",
    "answer": "the store does not get the request: `status`, error `code`, `message` and `headers` are the answer",
}
# Answers with a name.
ANSWERS = {
    "500": {"status": 500, "code": "InternalError", "message": "We encountered an internal error. Please try again."},
    "503": {"status": 503, "code": "SlowDown", "message": "Please reduce your request rate."},
    "expired": {"status": 403, "code": "ExpiredToken", "message": "The provided token has expired."},
    "denied": {"status": 403, "code": "AccessDenied", "message": "Access Denied"},
}


@dataclass
class Fault:
    """A fault of requests of some kinds, whose target matches the pattern `match`."""

    what: str
    # LIST, GET, PUT, HEAD, DELETE and POST, separated by blanks; all if empty.
    kinds: str = ""
    match: str = ""
    chance: float = 1.0
    # Hits only this many tries of the same request, so that a client that retries succeeds.
    tries: int | None = None
    # Skips the first `after` requests that match, and ends after `times` hits.
    after: int = 0
    times: int | None = None
    seconds: float = 0.05
    keys: int = 3
    status: int = 500
    code: str = ""
    message: str = ""
    headers: dict = field(default_factory=dict)

    def __post_init__(self):
        named = ANSWERS.get(self.what)
        if named:
            self.name, self.what = self.what, "answer"
            for name, value in named.items():
                setattr(self, name, value)
        elif self.what not in WHAT:
            raise ValueError(f"unknown fault {self.what}: {', '.join([*WHAT, *ANSWERS])}")
        else:
            self.name = self.what
        self.met, self.hits = 0, 0


@dataclass
class Request:
    """A request that the proxy received."""

    kind: str
    method: str
    # Path and query, as sent.
    target: str
    headers: dict
    # The status that the client received; None if it received none.
    status: int | None = None
    # The number of keys and prefixes that the client received, for a list.
    listed: int = 0
    # The faults that hit it.
    faults: list = field(default_factory=list)

    @property
    def key(self):
        """Returns the object's key (in path style), decoded."""
        return urllib.parse.unquote(self.target.partition("?")[0]).partition("/")[2].partition("/")[2]

    @property
    def query(self):
        """Returns the query's parameters, decoded."""
        return dict(urllib.parse.parse_qsl(self.target.partition("?")[2], keep_blank_values=True))
