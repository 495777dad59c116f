"""Tests that need a store with signatures and policies: permissions, and messages about denied access."""

import json
import re

import pytest

import lakes
from harness import REPOSITORY
from servers.ceph import ceph
from servers.store import Bucket

OTHER = {"key": "other", "secret": "otherother"}
CONTROL_KEYS = ["cf/E1ODD\x01.2025-01-02-22.00000001.gz", "cf/E1ODD\n.2025-01-02-22.00000002.gz", "cf/a//b.gz", "cf/x/../y.gz"]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    with ceph(tmp_path_factory.mktemp("ceph")) as store:
        yield store


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    return lakes.reference(tmp_path_factory.mktemp("reference"), hours=2, rows_per_file=40)


@pytest.fixture
def lake(store, reference):
    return lakes.Lake(store, reference.folder)


def policy(kind):
    """Returns one of the policies of docs/object-stores.md, by the word after its fence."""
    text = (REPOSITORY / "docs" / "object-stores.md").read_text()
    (block,) = re.findall(rf"^```json {kind}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    return json.loads(block)


def grant(bucket, kind, without=()):
    """Grants that policy on a bucket to the other account, except for some (statement, action)."""
    document = policy(kind)
    named = {"source": "arn:aws:s3:::logs", "table": "arn:aws:s3:::lake"}[kind]
    statements = []
    for statement in document["Statement"]:
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        actions = [action for action in actions if (statement["Sid"], action) not in without]
        resource = statement["Resource"].replace(named, f"arn:aws:s3:::{bucket.name}")
        if actions:
            principal = {"AWS": ["arn:aws:iam:::user/other"]}
            statements.append({**statement, "Principal": principal, "Action": actions, "Resource": resource})
    document["Statement"] = statements
    bucket.client.put_bucket_policy(Bucket=bucket.name, Policy=json.dumps(document))


def as_other(lake):
    """Returns the same lake for a user who owns neither bucket."""
    env = {"AWS_ACCESS_KEY_ID": OTHER["key"], "AWS_SECRET_ACCESS_KEY": OTHER["secret"]}
    lake.environment = lambda more, plain=lake.environment: plain({**env, **(more or {})})
    lake.lake = Bucket(lake.lake.name, lake.store.client(**OTHER))
    return lake


def test_the_documented_policies_are_sufficient(lake, reference):
    grant(lake.logs, "source")
    grant(lake.lake, "table")
    lake = as_other(lake)
    lake.convert("-q")
    lake.convert("-q")
    lake.run("verify", lake.table, "--deep")
    assert {f"cf_logs/{name}" for name in reference.files} == set(lake.lake.keys("cf_logs/"))


@pytest.mark.parametrize(
    "kind, sid, action",
    [
        ("source", "ListLogs", "s3:ListBucket"),
        ("source", "ReadLogs", "s3:GetObject"),
        ("table", "ListTableAndState", "s3:ListBucket"),
        ("table", "WriteTable", "s3:PutObject"),
        ("table", "WriteState", "s3:PutObject"),
        ("table", "WriteState", "s3:GetObject"),
    ],
)
def test_every_documented_permission_is_needed_and_a_missing_one_is_named(lake, kind, sid, action):
    grant(lake.logs, "source", {(sid, action)})
    grant(lake.lake, "table", {(sid, action)})
    bucket = lake.logs.name if kind == "source" else lake.lake.name
    if (sid, action) == ("WriteState", "s3:GetObject"):
        # With Ceph's ACLs, but no longer with AWS, the creator of a table may read its state: so another user creates it.
        lake.convert("-q")
    # An unreadable log does not affect the others. If none of twenty could be read, the run would stop.
    status = 3 if sid == "ReadLogs" else 1
    done = as_other(lake).convert("-q", status=status)
    assert action in done.stderr and bucket in done.stderr, done.stderr


def test_an_unknown_user_is_told_which_bucket_denies_access(lake):
    done = as_other(lake).convert("-q", status=1)
    assert "s3:ListBucket" in done.stderr and "hint: " in done.stderr


def test_an_unknown_key_and_a_wrong_secret_have_different_messages(lake):
    done = lake.convert("-q", env={"AWS_SECRET_ACCESS_KEY": "wrong"}, status=1).stderr
    assert "SignatureDoesNotMatch" in done and "wrong" not in done.split("SignatureDoesNotMatch")[0]
    assert "InvalidAccessKeyId" in lake.convert("-q", env={"AWS_ACCESS_KEY_ID": "unknown"}, status=1).stderr


def test_keys_with_control_characters_do_not_affect_other_logs(lake, reference):
    for key in CONTROL_KEYS:
        lake.logs.put(key, b"")
    lake.convert("-q", status=3)
    assert lake.files() == reference.files
