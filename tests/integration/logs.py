"""A slow and simple reader of standard logs: an independent check of every row, which shares no code with lakefront."""

import datetime
import functools
import gzip
import re
import urllib.parse
import zlib
from collections import Counter
from pathlib import Path

import ua_parser
import ua_parser.loaders
import ua_parser.regex

# The regular expressions of Rust: Python's own look for a bot's name only in the first 100 characters.
USER_AGENTS = ua_parser.Parser(ua_parser.regex.Resolver(ua_parser.loaders.load_builtins()))
MICROSECOND = datetime.timedelta(microseconds=1)
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def string(cell):
    return cell


def number(cell, kind, bits=64):
    """Returns the number in a cell, without its fraction if `kind` is int; None if it is not a number."""
    exponent = r"([eE][+-]?\d+)?" if kind is float else ""
    if cell is None or not re.fullmatch(rf"[+-]?\d+(\.\d*)?{exponent}", cell):
        return None
    if kind is float:
        return float(cell)
    value = int(cell.split(".")[0])
    return value if -(2 ** (bits - 1)) <= value < 2 ** (bits - 1) else None


def bigint(cell):
    return number(cell, int)


def integer(cell):
    return number(cell, int, bits=32)


def double(cell):
    return number(cell, float)


# Column, its reader, and the field that it reads. Columns that are not just a field are made in `row`.
CF_LOGS = [
    ("logtime", string, "time"),
    ("location", string, "x-edge-location"),
    ("bytes", bigint, "sc-bytes"),
    ("requestip", string, "c-ip"),
    ("method", string, "cs-method"),
    ("host", string, "cs(Host)"),
    ("uri", string, "cs-uri-stem"),
    ("status", bigint, "sc-status"),
    ("referrer", string, "cs(Referer)"),
    ("useragent", string, "cs(User-Agent)"),
    ("uriquery", string, "cs-uri-query"),
    ("cookie", string, "cs(Cookie)"),
    ("resulttype", string, "x-edge-result-type"),
    ("requestid", string, "x-edge-request-id"),
    ("header", string, "x-host-header"),
    ("csprotocol", string, "cs-protocol"),
    ("csbytes", string, "cs-bytes"),
    ("timetaken", bigint, "time-taken"),
    ("forwardedfor", string, "x-forwarded-for"),
    ("sslprotocol", string, "ssl-protocol"),
    ("sslcipher", string, "ssl-cipher"),
    ("responseresulttype", string, "x-edge-response-result-type"),
    ("protocolversion", string, "cs-protocol-version"),
]
CF_LOGS_WIDE = CF_LOGS + [
    ("timetakenseconds", double, "time-taken"),
    ("csbytescount", bigint, "cs-bytes"),
    ("flestatus", string, "fle-status"),
    ("fleencryptedfields", bigint, "fle-encrypted-fields"),
    ("cport", integer, "c-port"),
    ("timetofirstbyte", double, "time-to-first-byte"),
    ("detailedresulttype", string, "x-edge-detailed-result-type"),
    ("contenttype", string, "sc-content-type"),
    ("contentlength", bigint, "sc-content-len"),
    ("rangestart", bigint, "sc-range-start"),
    ("rangeend", bigint, "sc-range-end"),
    ("originfbl", double, "origin-fbl"),
    ("originlbl", double, "origin-lbl"),
    ("asn", bigint, "asn"),
    ("country", string, "c-country"),
    ("cachebehavior", string, "cache-behavior-path-pattern"),
    ("tenantid", string, "distribution-tenant-id"),
    ("connectionid", string, "connection-id"),
]
COLUMNS = {"cf_logs": CF_LOGS, "cf_logs_wide": CF_LOGS_WIDE}


@functools.cache
def user_agent(logged):
    """Returns browser family, operating-system family and `True` for a bot, of a user agent as logged."""
    if logged is None or logged == "-":
        return "Other", "Other", "False"
    text = urllib.parse.unquote(logged, errors="replace")
    if " " not in text and "%20" in text:  # logs of 2013 to 2019 escape blanks, quotes and backslashes twice
        for escaped, plain in (("%20", " "), ("%22", '"'), ("%5C", "\\")):
            text = text.replace(escaped, plain)
    found = USER_AGENTS(text, ua_parser.Domain.ALL)
    family = [part.family if part else "Other" for part in (found.user_agent, found.os, found.device)]
    return family[0], family[1], str(family[2] == "Spider")


class Logs:
    """The rows and counts of the log files below a folder."""

    def __init__(self, folder, schema):
        self.schema = schema
        self.rows = []
        self.counts = Counter()
        self.failed = []
        for path in sorted(Path(folder).rglob("*")):
            if path.is_file():
                self.counts["objects"] += 1
                self.read(path.relative_to(folder).as_posix(), path.read_bytes())

    def read(self, key, data):
        try:
            text = gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data
        except (EOFError, zlib.error, gzip.BadGzipFile):
            self.failed.append(key)
            return
        fields = None
        self.counts["bytes_in"] += len(data)
        self.counts["text_bytes"] += len(text)
        lines = text.decode().split("\n")
        for line in lines[:-1] if lines[-1] == "" else lines:
            self.counts["lines"] += 1
            if line.startswith("#"):
                self.counts["comments"] += 1
                fields = line.split()[1:] if line.startswith("#Fields:") else fields
            elif not line.strip():
                self.counts["blanks"] += 1
            else:
                cells = line.split("\t")
                self.counts["padded_rows"] += len(cells) < len(fields)
                record = dict(zip(fields, cells))
                if record["date"] == "-":
                    self.counts["rejects"] += 1
                else:
                    self.rows.append(self.row(key, fields, record))

    def row(self, key, fields, record):
        columns = COLUMNS[self.schema]
        row = {name: read(record.get(field)) for name, read, field in columns}
        for name, read, field in columns:
            if read is not string and row[name] is None and record.get(field) not in (None, "", "-"):
                self.counts[f"nulled {name}"] += 1
        row["logdate"] = datetime.date.fromisoformat(record["date"])
        row["browserfamily"], row["osfamily"], row["isbot"] = user_agent(record.get("cs(User-Agent)"))
        row["filename"] = key
        row["distribution"] = key.split("/")[-1].split(".")[0]
        row["year"], row["month"], row["day"] = record["date"].split("-")
        row["hour"] = record["time"][:2]
        if self.schema == "cf_logs_wide":
            time = datetime.datetime.fromisoformat(f"{record['date']}T{record['time']}+00:00")
            # As microseconds, because Python's own timestamps depend on the time zone data of the machine.
            row["requesttime"] = (time - EPOCH) // MICROSECOND
            claimed = {field for _, _, field in columns} | {"date"}
            row["extra"] = tuple(
                (field, record[field]) for field in sorted(set(fields) - claimed) if record.get(field, "-") != "-"
            )
        return row
