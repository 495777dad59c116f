"""Secrets are never written: canaries in all sources of secrets do not appear in any output of the program."""

import base64
import urllib.parse

import pytest

from servers.faults import Fault

CANARIES = {
    "environment": "CANARY+of/the+environment",
    "token": "CANARY/of+the/session/token==",
    "file": "CANARY+of/the/profile/file",
    "file token": "CANARY/of+the+profiles/token==",
    "endpoint": "CANARY-of-the-endpoint",
    "kms": "CANARY-of-the-kms-key",
    "process": "CANARY+of/the/process",
    "source": "CANARY+of/the/source/profile",
}
PROFILES = f"""\
[file]
aws_access_key_id = AKIDOFFILE
aws_secret_access_key = {CANARIES["file"]}
aws_session_token = {CANARIES["file token"]}
[source]
aws_access_key_id = AKIDOFSOURCE
aws_secret_access_key = {CANARIES["source"]}
"""
# A process that prints its secret, and one that fails and has it in its message.
CONFIG = f"""\
[profile process]
credential_process = /bin/echo '{{"Version": 1, "AccessKeyId": "AKIDOFPROCESS", "SecretAccessKey": "{CANARIES["process"]}"}}'
[profile failing]
credential_process = /bin/sh -c 'echo {CANARIES["process"]}; exit 1'
"""
FLAGS = {
    "environment": [],
    "file": ["--profile", "file"],
    "process": ["--profile", "process"],
    "failing process": ["--profile", "failing"],
    "endpoint": ["--endpoint-url", "http://user:{endpoint}@127.0.0.1:{{port}}".format(**CANARIES)],
    "endpoint that is refused": ["--endpoint-url", "http://user:{endpoint}@s3.example.com".format(**CANARIES)],
    "endpoint that is not there": ["--endpoint-url", "http://user:{endpoint}@127.0.0.1:9".format(**CANARIES)],
    "endpoint that is none": ["--endpoint-url", "user:{endpoint}@s3.example.com".format(**CANARIES)],
    "url": [],
    "kms": ["--sse", "aws:kms", "--sse-kms-key-id", CANARIES["kms"]],
    "source": ["--source-profile", "source", "--source-region", "eu-west-1"],
}
FAULTS = {
    "none": [],
    "denied": [Fault("denied")],
    "expired": [Fault("expired", match="/cf_logs/")],
    "wrong signature": [Fault("answer", status=403, code="SignatureDoesNotMatch", message="AKID and so on")],
    "reset": [Fault("reset-before", tries=1)],
    "cut": [Fault("cut-body", kinds="LIST GET", tries=1)],
}


def assert_no_canary(text, where):
    for name, canary in CANARIES.items():
        shapes = [canary, urllib.parse.quote(canary, safe=""), base64.b64encode(canary.encode()).decode().rstrip("=")]
        assert not [shape for shape in shapes if shape in text], f"the canary of the {name} is in {where}:\n{text}"


def run(lake, proxy, tmp_path, flags, verbosity):
    """Runs a conversion with canaries everywhere, and searches all of its output for them."""
    (tmp_path / "credentials").write_text(PROFILES)
    (tmp_path / "config").write_text(CONFIG)
    env = {
        "AWS_SECRET_ACCESS_KEY": CANARIES["environment"],
        "AWS_SESSION_TOKEN": CANARIES["token"],
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
        # A log level set by the environment shows no more than one set by flags.
        "RUST_LOG": "trace",
        "RUST_BACKTRACE": "full",
    }
    report = tmp_path / "report.json"
    flags = [flag.format(port=proxy.port) for flag in flags]
    done = lake.convert("--report", report, *verbosity, *flags, env=env, status=None)
    assert_no_canary(done.stdout, "stdout")
    assert_no_canary(done.stderr, "stderr")
    if report.exists():
        assert_no_canary(report.read_text(), "the report")
    for key in lake.lake.keys():
        assert_no_canary(key + lake.lake.get(key).decode("latin-1"), key)
    return done


@pytest.mark.parametrize("faults", list(FAULTS))
@pytest.mark.parametrize("verbosity", [["-vv"], ["-vv", "--log-format", "json"]], ids=["text", "json"])
def test_secrets_of_the_environment_are_not_written(lake, proxy, tmp_path, faults, verbosity):
    proxy.faults = FAULTS[faults]
    done = run(lake, proxy, tmp_path, [], verbosity)
    assert done.status == (0 if faults in ("none", "reset", "cut") else 1), done.stderr
    assert all("x-amz-security-token" in request.headers for request in proxy.seen()), "the canaries were in use"


@pytest.mark.parametrize("flags", list(FLAGS))
def test_secrets_of_profiles_processes_endpoints_and_keys_are_not_written(lake, proxy, tmp_path, flags):
    if flags == "url":
        lake.source = lake.source.replace("s3://", f"s3://user:{CANARIES['endpoint']}@")
    run(lake, proxy, tmp_path, FLAGS[flags], ["-vvv"])


def test_denied_profiles_are_not_written(lake, proxy, tmp_path):
    proxy.faults = [Fault("denied")]
    assert run(lake, proxy, tmp_path, ["--profile", "file"], ["-vv", "--log-format", "json"]).status == 1


def test_other_commands_do_not_write_them(lake, proxy, tmp_path):
    run(lake, proxy, tmp_path, [], [])
    env = {"AWS_SECRET_ACCESS_KEY": CANARIES["environment"], "AWS_SESSION_TOKEN": CANARIES["token"]}
    for command in (["status", "--json"], ["verify", "--deep"], ["ddl"], ["retry"], ["rebuild-state"]):
        for faults in ([], [Fault("denied")]):
            proxy.faults = faults
            done = lake.run(command[0], lake.table, *command[1:], env=env, status=None)
            assert_no_canary(done.stdout + done.stderr, " ".join(command))
