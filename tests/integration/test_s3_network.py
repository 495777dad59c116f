"""The way to AWS: proxies, certificates, regions, and messages about errors in them. These tests never reach AWS."""

import pytest

import lakes
from servers.aws import Aws
from servers.process import free_ports
from servers.store import isolated_env
from test_s3_messages import assert_message

KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "testtest"}


@pytest.fixture
def aws(moto_store, tmp_path):
    with Aws(moto_store.endpoint, tmp_path / "authority") as aws:
        yield aws


@pytest.fixture
def logs(moto_store, aws, reference):
    """Makes a bucket with the logs of `reference` in eu-west-1."""

    def make(name="logs"):
        bucket = moto_store.bucket(name)
        bucket.upload(reference.folder)
        aws.regions[bucket.name] = "eu-west-1"
        return bucket

    return make


def convert(bucket, table, *flags, status=0, **env):
    """Converts into a folder, with only these settings of AWS."""
    source = bucket if isinstance(bucket, str) else bucket.url("cf")
    command = [lakes.harness.LAKEFRONT, "convert", source, table, "-q", *flags]
    env = isolated_env(**{**KEYS, **{name: str(value) for name, value in env.items()}})
    return lakes.harness.run(*command, status=status, env=env, seconds=lakes.SECONDS)


def through(aws, **env):
    """Returns the environment of a client that uses the proxy to AWS and trusts its authority."""
    return {"HTTPS_PROXY": aws.proxy, "AWS_CA_BUNDLE": aws.bundle, **env}


def test_the_region_of_a_bucket_is_requested_if_nothing_names_it(aws, logs, reference, tmp_path):
    bucket = logs()
    convert(bucket, tmp_path / "t", **through(aws))
    assert lakes.files_below(tmp_path / "t") == reference.files
    assert set(aws.hosts) == {f"{bucket.name}.s3.amazonaws.com", f"{bucket.name}.s3.eu-west-1.amazonaws.com"}


def test_a_bucket_with_dots_is_in_the_path_also_in_the_request_for_its_region(aws, logs, reference, tmp_path):
    bucket = logs("my.logs.example")
    convert(bucket, tmp_path / "t", **through(aws))
    assert lakes.files_below(tmp_path / "t") == reference.files
    assert set(aws.hosts) == {"s3.us-east-1.amazonaws.com", "s3.eu-west-1.amazonaws.com"}


def test_a_bucket_with_dots_and_a_region_is_in_the_path(aws, logs, reference, tmp_path):
    convert(logs("my.logs.example"), tmp_path / "t", "--region", "eu-west-1", **through(aws))
    assert lakes.files_below(tmp_path / "t") == reference.files
    assert set(aws.hosts) == {"s3.eu-west-1.amazonaws.com"}


def test_a_bucket_with_dots_in_the_host_is_refused_with_the_reason(aws, logs, tmp_path):
    flags = ["--region", "eu-west-1", "--addressing-style", "virtual"]
    done = convert(logs("my.logs.example"), tmp_path / "t", *flags, status=1, **through(aws))
    assert_message(done, "the network failed", "certificate", "--addressing-style path")


@pytest.mark.parametrize("name", ["no-such-bucket-of-ours", "no.such.bucket.of.ours"])
def test_a_missing_bucket_is_not_reported_as_a_network_failure(aws, tmp_path, name):
    done = convert(f"s3://{name}/cf", tmp_path / "t", status=1, **through(aws))
    assert_message(done, f"no such bucket: `s3://{name}`", "hint: ")
    assert "network" not in done.stderr


@pytest.mark.parametrize("name", ["logs", "my.logs.example"])
def test_a_network_failure_is_not_reported_as_a_missing_bucket(aws, logs, tmp_path, name):
    bucket = logs(name)
    unreachable = f"http://127.0.0.1:{free_ports(1)[0]}"
    no_proxy = convert(bucket, tmp_path / "t", status=1, HTTPS_PROXY=unreachable)
    aws.unreachable.update({f"{bucket.name}.s3.amazonaws.com", "s3.us-east-1.amazonaws.com"})
    refused = convert(bucket, tmp_path / "t", status=1, **through(aws))
    untrusted = convert(bucket, tmp_path / "t", "--region", "eu-west-1", status=1, HTTPS_PROXY=aws.proxy)
    for done in (no_proxy, refused, untrusted):
        assert_message(done, "the network failed: no answer from `", bucket.name, "hint: ")
        assert "no such bucket" not in done.stderr and "is not known" not in done.stderr, done.stderr
    assert_message(refused, "proxy")
    assert_message(untrusted, "certificate", "AWS_CA_BUNDLE")


def test_an_unknown_host_name_is_a_network_failure(tmp_path):
    done = convert("s3://logs/cf", tmp_path / "t", "--endpoint-url", "https://s3.example.invalid", status=1)
    assert_message(done, "the network failed: no answer from `s3.example.invalid`", "hint: ")


def test_an_authority_named_by_the_environment_is_trusted(aws, logs, reference, tmp_path):
    flags = ["--endpoint-url", aws.endpoint]
    done = convert(logs(), tmp_path / "t", *flags, status=1)
    assert_message(done, "the network failed", "certificate", "AWS_CA_BUNDLE")
    convert(logs(), tmp_path / "t", *flags, AWS_CA_BUNDLE=aws.bundle)
    assert sorted(lakes.files_below(tmp_path / "t")) == sorted(reference.files)


def test_an_authority_named_by_the_profile_is_trusted_unless_the_environment_names_one(aws, logs, tmp_path):
    config = tmp_path / "config"
    config.write_text(f"[profile mine]\nca_bundle = {aws.bundle}\n[profile other]\nca_bundle = {tmp_path}/absent.pem\n")
    flags = ["--endpoint-url", aws.endpoint]
    convert(logs(), tmp_path / "of-environment", *flags, AWS_CONFIG_FILE=config, AWS_PROFILE="mine")
    # The profile exists, but has no keys: the role of the environment is used instead.
    done = convert(logs(), tmp_path / "t", *flags, status=2, AWS_CONFIG_FILE=config, AWS_PROFILE="other")
    assert_message(done, "`ca_bundle` of the profile `other`", f"{tmp_path}/absent.pem", "hint: ")
    convert(logs(), tmp_path / "t", *flags, AWS_CONFIG_FILE=config, AWS_PROFILE="other", AWS_CA_BUNDLE=aws.bundle)


@pytest.mark.parametrize("text, expected", [(None, "cannot be read"), ("", "holds no certificate"), ("words", "holds no certificate")])
def test_a_file_that_is_not_a_bundle_of_certificates_is_wrong_usage(aws, logs, tmp_path, text, expected):
    path = tmp_path / "authorities.pem"
    if text is not None:
        path.write_text(text)
    done = convert(logs(), tmp_path / "t", status=2, HTTPS_PROXY=aws.proxy, AWS_CA_BUNDLE=path)
    assert_message(done, "AWS_CA_BUNDLE", str(path), expected, "hint: ")
    assert not (tmp_path / "t").exists()


WEB_IDENTITY = {
    "AWS_ACCESS_KEY_ID": "",
    "AWS_SECRET_ACCESS_KEY": "",
    "AWS_ROLE_ARN": "arn:aws:iam::111122223333:role/lakefront",
    "AWS_ROLE_SESSION_NAME": "lakefront",
    "AWS_REGION": "eu-west-1",
}


def test_requests_to_the_service_for_roles_use_the_proxy_and_the_trusted_authority(aws, logs, reference, tmp_path):
    (tmp_path / "token").write_text("eyJhbGciOiJub25lIn0.e30.")
    env = {**WEB_IDENTITY, "AWS_WEB_IDENTITY_TOKEN_FILE": tmp_path / "token"}
    convert(logs(), tmp_path / "t", **through(aws, **env))
    assert lakes.files_below(tmp_path / "t") == reference.files
    assert "sts.eu-west-1.amazonaws.com" in aws.hosts


def test_an_unreachable_service_for_credentials_is_a_network_failure(aws, logs, tmp_path):
    (tmp_path / "token").write_text("eyJhbGciOiJub25lIn0.e30.")
    env = {**WEB_IDENTITY, "AWS_WEB_IDENTITY_TOKEN_FILE": tmp_path / "token", "AWS_ENDPOINT_URL_STS": aws.endpoint}
    # The service's certificate is not trusted; no request is sent to the store.
    done = convert(logs(), tmp_path / "t", "--endpoint-url", "http://127.0.0.1:9", status=1, **env)
    assert_message(done, "the network failed on the way to the service that gives the AWS credentials", "certificate")


@pytest.mark.parametrize("place", ["source", "table"])
@pytest.mark.parametrize(
    "name, expected",
    [
        ("arn:aws:s3:eu-west-1:111122223333:accesspoint/cdn-logs/cf", "`s3://cdn-logs-...-s3alias/PREFIX`"),
        ("s3://arn:aws:s3:eu-west-1:111122223333:accesspoint/cdn-logs/cf", "`s3://cdn-logs-...-s3alias/PREFIX`"),
        ("s3://arn:aws:s3:::logs/cf", "`s3://logs/PREFIX`"),
        ("s3://logs--use1-az5--x-s3/cf", "directory bucket"),
    ],
)
def test_an_arn_is_wrong_usage_and_the_message_has_the_name_to_use(tmp_path, place, name, expected):
    (tmp_path / "logs").mkdir()
    places = [name, tmp_path / "t"] if place == "source" else [tmp_path / "logs", name]
    done = lakes.harness.lakefront("convert", *places, status=2, env=isolated_env(**KEYS))
    assert_message(done, expected, "hint: ")
    assert not (tmp_path / "t").exists()
