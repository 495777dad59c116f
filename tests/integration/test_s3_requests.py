"""Requests to a store for each flag: keys, signatures, encryption, owner, payer, and addressing of buckets."""

import pytest

from servers.faults import Fault
from servers.proxy import Proxy


def signers(requests):
    """Returns the access keys that signed the requests; None for unsigned requests."""
    return {
        request.headers["authorization"].partition("Credential=")[2].partition("/")[0]
        if "authorization" in request.headers
        else None
        for request in requests
    }


def of(lake, which, proxy, *kinds):
    """Returns the requests to one of the two buckets."""
    return proxy.seen(*kinds, match=f"^/{getattr(lake, which).name}")


def test_every_request_is_signed_for_the_region(lake, proxy):
    lake.convert("-q", "--region", "eu-west-3")
    scopes = {request.headers["authorization"].partition("Credential=")[2].split(",")[0] for request in proxy.seen()}
    assert {scope.split("/")[2] for scope in scopes} == {"eu-west-3"}


def test_every_write_to_the_table_requests_encryption_and_owner(lake, proxy):
    key = "arn:aws:kms:us-east-1:111122223333:key/0a1b2c3d"
    lake.convert("-q", "--sse", "aws:kms", "--sse-kms-key-id", key, "--acl", "bucket-owner-full-control")
    writes = of(lake, "lake", proxy, "PUT")
    assert writes
    for request in writes:
        assert request.headers["x-amz-server-side-encryption"] == "aws:kms"
        assert request.headers["x-amz-server-side-encryption-aws-kms-key-id"] == key
        assert request.headers["x-amz-acl"] == "bucket-owner-full-control"
    assert lake.lake.head(lake.lake.keys("cf_logs/")[0])["SSEKMSKeyId"] == key


def test_encryption_with_keys_of_the_store(lake, proxy):
    lake.convert("-q", "--sse", "AES256")
    assert {request.headers.get("x-amz-server-side-encryption") for request in of(lake, "lake", proxy, "PUT")} == {"AES256"}


def test_no_such_header_is_sent_without_a_flag(lake, proxy):
    lake.convert("-q")
    names = {name for request in proxy.seen() for name in request.headers}
    assert not {name for name in names if "encryption" in name or "acl" in name or "payer" in name}


def test_objects_are_created_on_condition(lake, proxy):
    lake.convert("-q")
    data_files = proxy.seen("PUT", key="cf_logs/")
    assert {request.headers.get("if-none-match") for request in data_files} == {"*"}
    for name in ("log/", "plan/", "commit/", "closed/", "seen/", "table.json"):
        written = proxy.seen("PUT", key=f"cf_logs.lakefront/{name}")
        assert {request.headers.get("if-none-match") for request in written} == {"*"}, name


def test_logs_are_read_in_the_version_that_was_listed(lake, proxy):
    lake.convert("-q")
    reads = of(lake, "logs", proxy, "GET")
    assert {request.headers.get("if-match") for request in reads} == {
        lake.logs.head(key)["ETag"] for key in lake.logs.keys("cf/")
    }


def test_the_requester_pays_with_every_request_to_the_source(lake, proxy):
    lake.convert("-q", "--request-payer", "requester")
    assert {request.headers.get("x-amz-request-payer") for request in of(lake, "logs", proxy)} == {"requester"}


@pytest.fixture
def public(lake):
    """Returns the same lake with logs that anyone may read."""
    for key in lake.logs.keys("cf/"):
        lake.logs.put(key, lake.logs.get(key), ACL="public-read")
    return lake


def test_a_public_bucket_is_read_without_a_signature(public, proxy, tmp_path):
    no_keys = {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}
    public.convert("-q", "--no-sign-request", table=tmp_path / "cf_logs", env=no_keys)
    assert signers(proxy.seen()) == {None}


def test_a_public_source_and_a_private_table(public, proxy):
    public.convert("-q", "--source-no-sign-request")
    assert signers(of(public, "logs", proxy)) == {None}
    assert signers(of(public, "lake", proxy)) == {"test"}


def test_source_and_table_may_be_in_different_stores_regions_and_accounts(lake, proxy, moto_store, reference, tmp_path):
    profiles = tmp_path / "credentials"
    profiles.write_text("[theirs]\naws_access_key_id = theirs\naws_secret_access_key = x\n")
    with Proxy(moto_store.endpoint) as other:
        flags = ["--source-profile", "theirs", "--source-region", "eu-north-1", "--source-endpoint-url", other.endpoint]
        lake.convert("-q", *flags, env={"AWS_SHARED_CREDENTIALS_FILE": str(profiles)})
        assert {request.target.split("/")[1].split("?")[0] for request in proxy.seen()} == {lake.lake.name}
        assert {request.target.split("/")[1].split("?")[0] for request in other.seen()} == {lake.logs.name}
        assert signers(other.seen()) == {"theirs"} and signers(proxy.seen()) == {"test"}
        assert all("/eu-north-1/s3/" in request.headers["authorization"] for request in other.seen())
    lake.assert_is(reference)


@pytest.mark.parametrize("style", ["auto", "path"])
def test_a_bucket_is_a_path_of_an_endpoint(lake, proxy, style):
    lake.convert("-q", "--addressing-style", style)
    assert {request.headers["host"] for request in proxy.seen()} == {f"127.0.0.1:{proxy.port}"}


def test_a_bucket_is_in_the_host_name_if_requested(lake, proxy):
    """No name server here resolves such hosts, so the program uses the proxy as an HTTP proxy."""
    proxy.faults = [Fault("denied")]
    flags = ["--addressing-style", "virtual", "--endpoint-url", "http://localhost:9"]
    lake.convert("-q", *flags, env={"HTTP_PROXY": proxy.endpoint}, status=1)
    # The source is read first: it might be a table.
    hosts = {f"{bucket.name}.localhost:9" for bucket in (lake.logs, lake.lake)}
    assert {request.headers["host"] for request in proxy.seen()} == hosts


def test_requests_are_few(lake, proxy, reference):
    """Requests cost money: a log takes one GET, a data file one PUT, and the number of other requests does not grow with them."""
    lake.convert("-q")
    assert len(of(lake, "logs", proxy, "GET")) == len(lake.logs.keys())
    assert len(of(lake, "logs", proxy, "HEAD")) == 0
    assert proxy.count("PUT", key="cf_logs/") == len(reference.files)
    assert proxy.count() < 3 * (len(lake.logs.keys()) + len(reference.files)) + 60
