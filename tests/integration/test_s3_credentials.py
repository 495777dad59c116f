"""Sources of credentials: all of AWS's default chain, in its order. The proxy records whose keys signed a request."""

import datetime
import hashlib
import http.server
import json
import stat
import threading

import pytest

from servers.faults import Fault
from servers.process import run
from test_s3_messages import assert_message
from test_s3_requests import signers

NO_KEYS = {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}


def until(seconds):
    """Returns the time that many seconds from now, in AWS's format."""
    when = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.fixture
def answers():
    """Returns a JSON server: its answers by path, and the requests received."""
    texts, requests = {}, []

    class Answers(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            requests.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
            text = texts.get(self.path.partition("?")[0])
            body = (text if isinstance(text, str) else json.dumps(text)).encode()
            self.send_response(404 if text is None else 200)
            self.send_header("Content-Type", "application/json" if body[:1] == b"{" else "text/plain")
            self.send_header("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "21600")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_PUT = do_GET

        def do_POST(self):
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.do_GET()

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    server.texts, server.requests, server.url = texts, requests, f"http://127.0.0.1:{server.server_port}"
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def profiles(tmp_path):
    """Writes the two files of profiles, and returns the environment that names them."""

    def write(config, credentials=""):
        (tmp_path / "config").write_text(config)
        (tmp_path / "credentials").write_text(credentials)
        return {
            "AWS_CONFIG_FILE": str(tmp_path / "config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
        }

    return write


KEYS = "aws_access_key_id = {0}\naws_secret_access_key = secret-of-{0}\n"


def test_keys_of_the_environment(lake, proxy):
    lake.convert("-q", env={"AWS_ACCESS_KEY_ID": "ofenvironment", "AWS_SESSION_TOKEN": "a-token"})
    assert signers(proxy.seen()) == {"ofenvironment"}
    assert {request.headers["x-amz-security-token"] for request in proxy.seen()} == {"a-token"}


def test_the_default_profile(lake, proxy, profiles):
    lake.convert("-q", env={**NO_KEYS, **profiles("", "[default]\n" + KEYS.format("ofdefault"))})
    assert signers(proxy.seen()) == {"ofdefault"}


def test_the_profile_of_the_environment(lake, proxy, profiles):
    files = profiles("", "[default]\n" + KEYS.format("ofdefault") + "[mine]\n" + KEYS.format("ofmine"))
    lake.convert("-q", env={**NO_KEYS, **files, "AWS_PROFILE": "mine"})
    assert signers(proxy.seen()) == {"ofmine"}


def test_a_profile_flag_takes_precedence_over_keys_of_the_environment(lake, proxy, profiles):
    files = profiles("[profile mine]\n" + KEYS.format("ofmine"))
    lake.convert("-q", "--profile", "mine", env=files)
    assert signers(proxy.seen()) == {"ofmine"}


def test_region_and_endpoint_of_a_profile(lake, proxy, profiles):
    text = f"[profile mine]\nregion = eu-south-1\nendpoint_url = {proxy.endpoint}\n" + KEYS.format("ofmine")
    nowhere = {"AWS_ENDPOINT_URL_S3": None, "AWS_REGION": None}
    lake.convert("-q", "--profile", "mine", env={**NO_KEYS, **nowhere, **profiles(text)})
    assert proxy.count() and all("/eu-south-1/s3/" in request.headers["authorization"] for request in proxy.seen())


@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"])
def test_the_endpoint_of_the_environment(lake, proxy, reference, name):
    lake.convert("-q", env={"AWS_ENDPOINT_URL_S3": None, name: proxy.endpoint})
    assert proxy.count()
    assert lake.files() == reference.files


def test_the_endpoint_flag_takes_precedence_over_the_environment(lake, proxy):
    nowhere = "http://127.0.0.1:9"
    env = {"AWS_ENDPOINT_URL": nowhere, "AWS_ENDPOINT_URL_S3": nowhere}
    lake.convert("-q", "--endpoint-url", proxy.endpoint, env=env)
    assert proxy.count()


def test_a_credential_process_is_run_again_when_its_credentials_expire(lake, proxy, profiles, tmp_path):
    program = tmp_path / "give"
    program.write_text(
        f"#!/bin/sh\necho >> {tmp_path}/asked\n"
        f"echo '{{\"Version\": 1, \"AccessKeyId\": \"key'$(wc -l < {tmp_path}/asked)'\", \"SecretAccessKey\": \"x\","
        f" \"SessionToken\": \"y\", \"Expiration\": \"{until(1)}\"}}'\n"
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    # The run is longer than a credential's lifetime.
    proxy.faults = [Fault("latency", seconds=0.15)]
    lake.convert("-q", env={**NO_KEYS, **profiles(f"[default]\ncredential_process = {program}\n")})
    used = signers(proxy.seen())
    assert len(used) > 1 and all(key.startswith("key") for key in used), used


def test_credentials_of_a_container(lake, proxy, answers):
    answers.texts["/give"] = {
        "AccessKeyId": "ofcontainer", "SecretAccessKey": "x", "Token": "y", "Expiration": until(3600),
    }
    env = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{answers.url}/give", "AWS_CONTAINER_AUTHORIZATION_TOKEN": "a-word"}
    lake.convert("-q", env={**NO_KEYS, **env})
    assert signers(proxy.seen()) == {"ofcontainer"}
    assert answers.requests[0][1]["authorization"] == "a-word"


def test_credentials_of_an_instance(lake, proxy, answers):
    below = "/latest/meta-data/iam/security-credentials/"
    answers.texts.update({"/latest/api/token": "a-token", below: "a-role", below + "a-role": {
        "Code": "Success", "Type": "AWS-HMAC", "LastUpdated": until(-60), "AccessKeyId": "ofinstance",
        "SecretAccessKey": "x", "Token": "y", "Expiration": until(3600),
    }})
    env = {"AWS_EC2_METADATA_DISABLED": None, "AWS_EC2_METADATA_SERVICE_ENDPOINT": answers.url}
    lake.convert("-q", env={**NO_KEYS, **env})
    assert signers(proxy.seen()) == {"ofinstance"}


def test_a_role_by_web_identity(lake, proxy, moto_store, tmp_path):
    (tmp_path / "token").write_text("eyJhbGciOiJub25lIn0.e30.")
    env = {
        "AWS_ROLE_ARN": "arn:aws:iam::111122223333:role/lakefront",
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(tmp_path / "token"),
        "AWS_ROLE_SESSION_NAME": "lakefront",
        "AWS_ENDPOINT_URL_STS": moto_store.endpoint,
    }
    lake.convert("-q", env={**NO_KEYS, **env})
    used = signers(proxy.seen())
    assert used and all(key.startswith("ASIA") for key in used), used


def test_a_role_by_a_profile(lake, proxy, moto_store, profiles):
    text = "[profile base]\n" + KEYS.format("ofbase") + (
        "[profile mine]\nrole_arn = arn:aws:iam::111122223333:role/lakefront\nsource_profile = base\nregion = us-east-1\n"
    )
    env = {**NO_KEYS, **profiles(text), "AWS_PROFILE": "mine", "AWS_ENDPOINT_URL_STS": moto_store.endpoint}
    lake.convert("-q", env=env)
    used = signers(proxy.seen())
    assert used and all(key.startswith("ASIA") for key in used), used


SESSION = "arn:aws:iam::111122223333:user/somebody"


@pytest.fixture
def logged_in(tmp_path, profiles):
    """Writes the files of `aws login`, and returns the environment of a profile with its session."""

    def write(ends=3600):
        key = tmp_path / "dpop.pem"
        run("openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key)
        token = {
            "accessToken": {
                "accessKeyId": "oflogin", "secretAccessKey": "x", "sessionToken": "y", "accountId": "111122223333",
                "expiresAt": until(ends),
            },
            "tokenType": "aws_sigv4", "refreshToken": "a-refresh-token", "idToken": "an-id-token",
            "clientId": "arn:aws:signin:::devtools/same-device", "dpopKey": key.read_text(),
        }
        cache = tmp_path / ".aws" / "login" / "cache" / (hashlib.sha256(SESSION.encode()).hexdigest() + ".json")
        cache.parent.mkdir(parents=True, exist_ok=True)
        cache.write_text(json.dumps(token))

    text = f"[profile mine]\nlogin_session = {SESSION}\nregion = us-east-1\n"
    return write, {**NO_KEYS, **profiles(text), "HOME": str(tmp_path)}


@pytest.mark.parametrize("named", ["by a flag", "by the environment"])
def test_a_profile_of_aws_login(lake, proxy, logged_in, named):
    write, env = logged_in
    write()
    flags, more = (["--profile", "mine"], {}) if named == "by a flag" else ([], {"AWS_PROFILE": "mine"})
    lake.convert("-q", *flags, env={**env, **more})
    assert signers(proxy.seen()) == {"oflogin"}
    assert {request.headers["x-amz-security-token"] for request in proxy.seen()} == {"y"}


def test_a_session_of_aws_login_is_renewed_before_it_ends(lake, proxy, answers, logged_in):
    write, env = logged_in
    write(ends=60)
    answers.texts["/v1/token"] = {
        "accessToken": {"accessKeyId": "ofrenewal", "secretAccessKey": "x", "sessionToken": "z"},
        "tokenType": "aws_sigv4", "expiresIn": 900, "refreshToken": "another", "idToken": "an-id-token",
    }
    lake.convert("-q", "--profile", "mine", env={**env, "AWS_ENDPOINT_URL_SIGNIN": answers.url})
    assert signers(proxy.seen()) == {"ofrenewal"}


@pytest.mark.parametrize("what", ["missing", "expired", "of a role"])
def test_a_missing_or_ended_session_of_aws_login_asks_to_log_in(lake, proxy, answers, logged_in, profiles, what):
    write, env = logged_in
    if what == "expired":
        write(ends=-60)
    env = {**env, "AWS_ENDPOINT_URL_SIGNIN": answers.url}
    profile = "mine"
    if what == "of a role":
        profile = "role"
        role = "role_arn = arn:aws:iam::111122223333:role/lakefront\nsource_profile = mine\nregion = us-east-1\n"
        env.update(profiles(f"[profile mine]\nlogin_session = {SESSION}\n[profile role]\n{role}"))
    done = lake.convert("-q", "--profile", profile, status=1, env=env)
    assert_message(done, "`aws login --profile mine`")
    assert "a-refresh-token" not in done.stderr and not proxy.count()


def test_the_role_of_a_profile_flag_is_requested_in_its_region(lake, proxy, moto_store, profiles):
    text = "[profile base]\n" + KEYS.format("ofbase") + (
        "[profile mine]\nrole_arn = arn:aws:iam::111122223333:role/lakefront\nsource_profile = base\nregion = us-east-1\n"
    )
    env = {**NO_KEYS, **profiles(text), "AWS_REGION": None, "AWS_ENDPOINT_URL_STS": moto_store.endpoint}
    lake.convert("-q", "--profile", "mine", env=env)
    used = signers(proxy.seen())
    assert used and all(key.startswith("ASIA") for key in used), used


def test_a_profile_of_single_sign_on(lake, proxy, answers, profiles, tmp_path):
    answers.texts["/federation/credentials"] = {
        "roleCredentials": {
            "accessKeyId": "ofsso", "secretAccessKey": "x", "sessionToken": "y", "expiration": 4102444800000,
        }
    }
    cache = tmp_path / ".aws" / "sso" / "cache" / (hashlib.sha1(b"ours").hexdigest() + ".json")
    cache.parent.mkdir(parents=True)
    cache.write_text(json.dumps({"accessToken": "a-token", "expiresAt": until(3600), "region": "us-east-1"}))
    text = (
        "[sso-session ours]\nsso_start_url = https://example.com/start\nsso_region = us-east-1\n"
        "[profile mine]\nsso_session = ours\nsso_account_id = 111122223333\nsso_role_name = lakefront\n"
    )
    env = {**NO_KEYS, **profiles(text), "HOME": str(tmp_path), "AWS_ENDPOINT_URL_SSO": answers.url}
    lake.convert("-q", "--profile", "mine", env=env)
    assert signers(proxy.seen()) == {"ofsso"}
