"""Messages about errors: they name bucket, key and the missing permission, and say what to do."""

import time

import pytest

from servers.faults import Fault
from servers.process import free_ports
from servers.proxy import Proxy

REGION = {"x-amz-bucket-region": "eu-central-1"}


def assert_message(done, *words, at_most=4000):
    """Checks that all words are in the program's message, and that it is not long."""
    missing = [word for word in words if word not in done.stderr]
    assert not missing, f"{missing} not in:\n{done.stderr}"
    assert len(done.stderr) < at_most, done.stderr


@pytest.mark.parametrize("which", ["source", "table"])
def test_a_missing_bucket_is_named(lake, which):
    done = lake.convert("-q", **{which: "s3://no-such-bucket-of-ours/cf"}, status=1)
    assert_message(done, "no such bucket: `s3://no-such-bucket-of-ours`", "hint: ")


@pytest.mark.parametrize(
    "kinds, which, permission",
    [
        ("LIST", "logs", "s3:ListBucket"),
        ("LIST", "lake", "s3:ListBucket"),
        ("PUT", "lake", "s3:PutObject"),
    ],
)
def test_a_missing_permission_is_named_with_its_bucket(lake, proxy, kinds, which, permission):
    bucket = getattr(lake, which).name
    proxy.faults = [Fault("denied", kinds=kinds, match=f"^/{bucket}")]
    done = lake.convert("-q", status=1)
    assert_message(done, bucket, permission, "hint: ")
    assert proxy.count() < 60, "a denied request is not repeated"


REFUSALS = {
    "an ACL": dict(status=403, code="AccessDenied", message="Access Denied", expected="s3:GetObject"),
    "a key that is disabled": dict(status=400, code="KMS.DisabledException", message="The key is disabled.", expected="kms:Decrypt"),
    "a key that the role may not use": dict(
        status=403, code="AccessDenied", message="x is not authorized to perform: kms:Decrypt on y", expected="encryption key"
    ),
    "a key that the customer keeps": dict(
        status=400, code="InvalidRequest", message="The object was stored using a form of Server Side Encryption.",
        expected="customer-provided key",
    ),
    "an archived object": dict(status=403, code="InvalidObjectState", message="The operation is not valid.", expected="archived"),
}


@pytest.mark.parametrize("name", list(REFUSALS))
def test_an_object_that_is_refused_is_named_and_the_others_are_converted(lake, proxy, reference, tmp_path, name):
    refusal = dict(REFUSALS[name])
    expected = refusal.pop("expected")
    key = lake.logs.keys("cf/")[3]
    proxy.faults = [Fault("answer", kinds="GET", match=key.split(".")[-2], **refusal)]
    for _night in range(2):
        done = lake.convert("-q", status=3)
        assert_message(done, lake.logs.url(key), expected)
        assert len([line for line in done.stderr.splitlines() if key in line]) == 1, done.stderr
    num_requests = proxy.count("GET", match=key.split(".")[-2])
    assert num_requests == 4, "each night it is requested once more, and not repeatedly"
    proxy.faults = []
    lake.convert("-q")
    lake.assert_rows(tmp_path / "table", reference.logs)


def test_a_missing_permission_to_read_logs_is_named_and_stops_the_run_after_twenty(lake, proxy):
    keys = lake.logs.keys("cf/")
    for number in range(20):
        lake.logs.put(f"cf/E1EXAMPLE.2025-01-02-22.{number:08x}", lake.logs.get(keys[0]))
    proxy.faults = [Fault("denied", kinds="GET", match=f"^/{lake.logs.name}")]
    done = lake.convert("-q", status=1)
    assert_message(done, lake.logs.name, "s3:GetObject", "none of the first 20 objects can be read", "hint: ", at_most=12_000)
    proxy.faults = []
    # The next run leaves out the logs that the other run could not read, and converts them right after.
    lake.convert("-q")
    assert "nothing new" in lake.convert().stderr


def test_credentials_that_expire_while_logs_are_read_stop_the_run(lake, proxy):
    proxy.faults = [Fault("expired", kinds="GET", match=f"^/{lake.logs.name}/cf", after=2)]
    assert_message(lake.convert("-q", status=1), "expired")
    proxy.faults = []
    lake.convert("-q")


@pytest.mark.parametrize(
    "status, code", [(403, "InvalidAccessKeyId"), (400, "ExpiredToken"), (403, "AccountProblem"), (404, "NoSuchBucket")]
)
def test_an_error_of_the_account_for_one_log_stops_the_run(lake, proxy, reference, tmp_path, status, code):
    log_id = lake.logs.keys("cf/")[3].split(".")[-2]
    proxy.faults = [Fault("answer", kinds="GET", status=status, code=code, message="no", match=log_id)]
    lake.convert("-q", status=1)
    proxy.faults = []
    lake.convert("-q")
    lake.assert_rows(tmp_path / "table", reference.logs)


def test_a_denied_kms_key_and_a_denied_bucket_have_different_messages(lake, proxy):
    message = "User: arn:aws:iam::111122223333:user/x is not authorized to perform: kms:GenerateDataKey on this resource"
    proxy.faults = [Fault("answer", kinds="PUT", status=403, code="AccessDenied", message=message)]
    assert_message(lake.convert("-q", status=1), "kms:GenerateDataKey", lake.lake.name)


@pytest.mark.parametrize("which", ["logs", "lake"])
@pytest.mark.parametrize(
    "status, code, message",
    [
        (301, "PermanentRedirect", "The bucket you are attempting to access must be addressed using the specified endpoint."),
        (
            400,
            "AuthorizationHeaderMalformed",
            "The authorization header is malformed; the region 'us-east-1' is wrong; expecting 'eu-central-1'",
        ),
    ],
)
def test_a_wrong_region_is_named_with_the_right_one(lake, proxy, which, status, code, message):
    bucket = getattr(lake, which).name
    proxy.faults = [
        Fault("answer", match=f"^/{bucket}", status=status, code=code, message=message, headers=REGION),
    ]
    assert_message(lake.convert("-q", status=1), bucket, "eu-central-1", "region")


@pytest.mark.parametrize("which", ["logs", "lake"])
def test_an_expired_token_is_reported_as_expired(lake, proxy, which):
    bucket = getattr(lake, which).name
    proxy.faults = [Fault("expired", match=f"^/{bucket}")]
    assert_message(lake.convert("-q", status=1), "expired", bucket)


def test_the_next_run_completes_a_table_whose_token_expired(lake, proxy, reference):
    proxy.faults = [Fault("expired", match=r"/cf_logs/")]
    assert_message(lake.convert("-q", status=1), "expired")
    proxy.faults = []
    lake.convert("-q")
    lake.assert_is(reference)


@pytest.mark.parametrize(
    "code", ["InvalidAccessKeyId", "SignatureDoesNotMatch", "RequestTimeTooSkewed", "AllAccessDisabled"]
)
def test_the_message_of_the_store_is_passed_on(lake, proxy, code):
    proxy.faults = [Fault("answer", status=403, code=code, message="The store's message.", match=f"^/{lake.logs.name}")]
    assert_message(lake.convert("-q", status=1), code, "The store's message.", lake.logs.name)


@pytest.mark.parametrize("kind", ["GLACIER", "DEEP_ARCHIVE"])
def test_an_archived_log_is_named_and_does_not_affect_others(lake, proxy, reference, kind):
    key = "cf/E1COLD.2025-01-02-22.00000001.gz"
    lake.logs.put(key, lake.logs.get(lake.logs.keys("cf/")[0]), StorageClass=kind)
    assert_message(lake.convert("-q", status=3), lake.logs.url(key), "archived (Glacier)", "restore")
    assert lake.files() == reference.files and proxy.count("GET", key=key) == 0
    lake.convert("-q", "--exclude", "cf/E1COLD*")


def test_a_log_archived_after_its_conversion_is_known(lake, reference):
    lake.convert("-q")
    key = lake.logs.keys("cf/")[0]
    lake.logs.put(key, lake.logs.get(key), StorageClass="GLACIER")
    lake.convert("-q")
    assert lake.files() == reference.files


def test_an_archived_log_that_the_list_does_not_show_as_archived_is_named(lake, proxy):
    key = lake.logs.keys("cf/")[2]
    message = "The operation is not valid for the object's access tier"
    answer = {"status": 403, "code": "InvalidObjectState", "message": message, "match": key.split(".")[-2]}
    proxy.faults = [Fault("answer", kinds="GET", **answer)]
    assert_message(lake.convert("-q", status=3), lake.logs.url(key), "InvalidObjectState", "archived", "--exclude")


def test_missing_credentials_are_reported(lake, proxy):
    no_keys = {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}
    began = time.monotonic()
    done = lake.convert("-q", env=no_keys, status=1)
    assert "credentials" in done.stderr and "hint: " in done.stderr
    assert proxy.count() == 0 and time.monotonic() - began < 15


def test_a_profile_that_does_not_exist_is_named(lake):
    no_keys = {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}
    assert_message(lake.convert("-q", "--profile", "no-such-profile", status=1), "`no-such-profile`", "hint: ")
    assert_message(lake.convert("-q", env={**no_keys, "AWS_PROFILE": "no-such"}, status=1), "`no-such`", "hint: ")


def test_an_unreachable_server_is_named(lake):
    (port,) = free_ports(1)
    began = time.monotonic()
    done = lake.convert("-q", "--endpoint-url", f"http://127.0.0.1:{port}", status=1)
    assert f"127.0.0.1:{port}" in done.stderr
    assert time.monotonic() - began < 15, "an endpoint that was never reached is given up soon"


@pytest.mark.parametrize("where", ["flag", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"])
def test_plain_http_is_only_for_this_machine(lake, where):
    endpoint = "http://s3.example.com"
    flags, env = (["--endpoint-url", endpoint], {}) if where == "flag" else ([], {where: endpoint})
    env = {"AWS_ENDPOINT_URL_S3": None, **env}
    began = time.monotonic()
    status = 2 if where == "flag" else 1
    assert_message(lake.convert("-q", *flags, env=env, status=status), "--allow-http", "http://s3.example.com")
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("host", ["localhost", "127.0.0.2"])
def test_plain_http_to_this_machine_needs_no_flag(lake, moto_store, reference, host):
    with Proxy(moto_store.endpoint, host=host) as proxy:
        lake.convert("-q", "--endpoint-url", f"http://{host}:{proxy.port}", env={"AWS_ENDPOINT_URL_S3": None})
        assert proxy.count("GET")
    lake.assert_is(reference)


@pytest.mark.parametrize(
    "url, expected",
    [
        ("s3://", "expected `s3://bucket/prefix`"),
        ("s3:///cf", "expected `s3://bucket/prefix`"),
        ("s3://UPPER_case!/cf", "expected `s3://bucket/prefix`"),
        ("S3//bucket/cf", "S3//bucket/cf: no such file"),
        ("s4://bucket/cf", "`s4://` is not supported"),
        ("s3://bucket/a/../b", "s3://bucket/a/../b"),
        ("gs://", "expected `s3://bucket/prefix`"),
    ],
)
def test_an_invalid_url_is_refused(lake, proxy, url, expected):
    """The message does not show all of it, because it may have keys."""
    assert_message(lake.convert("-q", source=url, status=1), expected)
    assert proxy.count() == 0


@pytest.mark.parametrize(
    "flags",
    [
        ["--sse", "rot13"],
        ["--acl", "public-read"],
        ["--request-payer", "me"],
        ["--addressing-style", "odd"],
        ["--sse", "AES256", "--sse-kms-key-id", "a-key"],
        ["--endpoint-url", "ftp://example.com"],
    ],
)
def test_a_flag_with_a_wrong_value_is_wrong_usage(lake, proxy, flags):
    lake.convert("-q", *flags, status=2)
    assert proxy.count() == 0


@pytest.mark.parametrize("table", ["inside", "around", "same"])
def test_a_table_that_overlaps_its_source_is_refused(lake, table):
    table = {"inside": lake.source + "/lake", "around": lake.logs.url(), "same": lake.source}[table]
    lake.convert("-q", table=table, status=1)
    assert all(key.startswith("cf/") for key in lake.logs.keys())
