"""A store as tests see it: its endpoint, its keys, and its buckets as folders of bytes."""

import itertools
import os
from dataclasses import dataclass, field, replace

import boto3
import botocore.config
import botocore.exceptions

COUNTER = itertools.count(1)
# The program must not see the settings of the user who runs the tests: not the environment, not the home folder, and no
# instance metadata.
FOREIGN = ("AWS_", "AZURE_", "GOOGLE_", "GCS_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


def isolated_env(**more):
    """Returns an environment without settings of stores, except for the variables `more`."""
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith(FOREIGN)}
    defaults = {
        "HOME": "/nonexistent",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    }
    return {**kept, **defaults, **more}


@dataclass(frozen=True)
class Store:
    """An S3 store."""

    name: str
    endpoint: str
    key: str = "test"
    secret: str = "testtest"
    region: str = "us-east-1"
    # False if it overwrites a name in spite of `If-None-Match: *`.
    keeps_conditions: bool = True
    # Its address without the proxy that `endpoint` may be.
    direct: str = ""
    scheme: str = "s3"

    @property
    def env(self):
        """Returns the environment of a client: endpoint, keys, and nothing of the user who runs the tests."""
        return isolated_env(
            AWS_ENDPOINT_URL_S3=self.endpoint,
            AWS_ACCESS_KEY_ID=self.key,
            AWS_SECRET_ACCESS_KEY=self.secret,
            AWS_REGION=self.region,
        )

    def client(self, service="s3", **keys):
        """Returns a boto3 client without a proxy; `keys` are those of another user, if needed."""
        return boto3.client(
            service,
            endpoint_url=self.direct or self.endpoint,
            region_name=self.region,
            aws_access_key_id=keys.get("key", self.key),
            aws_secret_access_key=keys.get("secret", self.secret),
            config=botocore.config.Config(
                s3={"addressing_style": "path"},
                retries={"max_attempts": 8, "mode": "standard"},
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        )

    def through(self, endpoint):
        """Returns the same store, reached through a proxy."""
        return replace(self, endpoint=endpoint, direct=self.direct or self.endpoint)

    def bucket(self, name="bucket", **settings):
        """Makes an empty bucket, whose name begins with `name`."""
        client = self.client()
        bucket = f"{name}-{os.getpid()}-{next(COUNTER)}"
        client.create_bucket(Bucket=bucket, **settings)
        return Bucket(bucket, client)


class Folders:
    """Methods for buckets of all kinds, based on `put`, `get` and `keys`."""

    def upload(self, folder, prefix=""):
        """Puts all files below a folder under `prefix`, and returns their keys."""
        keys = []
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            keys.append(prefix + path.relative_to(folder).as_posix())
            self.put(keys[-1], path.read_bytes())
        return keys

    def download(self, prefix, folder):
        """Writes all objects below `prefix` into a folder, and returns it."""
        for key in self.keys(prefix):
            path = folder / key.removeprefix(prefix).lstrip("/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self.get(key))
        return folder


@dataclass(frozen=True)
class Bucket(Folders):
    """A bucket of S3: keys and bytes."""

    name: str
    client: object = field(repr=False)

    def url(self, key=""):
        return f"s3://{self.name}/{key}".removesuffix("/")

    def put(self, key, body, **settings):
        self.client.put_object(Bucket=self.name, Key=key, Body=body, **settings)

    def get(self, key):
        return self.client.get_object(Bucket=self.name, Key=key)["Body"].read()

    def head(self, key):
        return self.client.head_object(Bucket=self.name, Key=key)

    def delete(self, key):
        self.client.delete_object(Bucket=self.name, Key=key)

    def keys(self, prefix=""):
        """Returns all keys with this prefix, in order."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix)
        return [entry["Key"] for page in pages for entry in page.get("Contents", [])]

    def uploads(self):
        """Returns the unfinished multipart uploads."""
        return self.client.list_multipart_uploads(Bucket=self.name).get("Uploads", [])
