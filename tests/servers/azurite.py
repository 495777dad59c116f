"""azurite, Microsoft's emulator of Azure's blobs."""

import contextlib
import itertools
import os
from dataclasses import dataclass, field

from .process import REPOSITORY, Failed, answers, free_ports, program, running
from .store import Folders, isolated_env

FOLDER = REPOSITORY / ".tools" / "azurite"
MAIN = FOLDER / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"
# The account of every azurite, documented by Microsoft: it is not secret.
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
COUNTER = itertools.count(1)


@dataclass(frozen=True)
class BlobStore:
    """A store with the interface of Azure's blobs."""

    name: str
    endpoint: str
    key: str = KEY
    direct: str = ""
    keeps_conditions: bool = True
    scheme: str = "az"

    @property
    def env(self):
        """Returns the environment of a client."""
        return isolated_env(
            AZURE_STORAGE_ACCOUNT_NAME=ACCOUNT,
            AZURE_STORAGE_ACCOUNT_KEY=self.key,
            AZURE_STORAGE_ENDPOINT=f"{self.endpoint}/{ACCOUNT}",
        )

    def through(self, endpoint):
        """Returns the same store, reached through a proxy."""
        return BlobStore(self.name, endpoint, self.key, self.direct or self.endpoint)

    def bucket(self, name="container"):
        """Makes an empty container, whose name begins with `name`."""
        from azure.storage.blob import BlobServiceClient

        service = BlobServiceClient(f"{self.direct or self.endpoint}/{ACCOUNT}", credential=KEY)
        return Container(service.create_container(f"{name}-{os.getpid()}-{next(COUNTER)}"))


@dataclass(frozen=True)
class Container(Folders):
    """A container, like `store.Bucket` in S3."""

    client: object = field(repr=False)

    @property
    def name(self):
        return self.client.container_name

    def url(self, key=""):
        return f"az://{self.name}/{key}".removesuffix("/")

    def put(self, key, body):
        self.client.upload_blob(key, body, overwrite=True)

    def get(self, key):
        return self.client.download_blob(key).readall()

    def delete(self, key):
        self.client.delete_blob(key)

    def keys(self, prefix=""):
        return sorted(self.client.list_blob_names(name_starts_with=prefix))


@contextlib.contextmanager
def azurite(folder):
    if not MAIN.exists():
        raise Failed(f"azurite is not installed in {FOLDER}: `make test-engines` installs it")
    (port,) = free_ports(1)
    endpoint = f"http://127.0.0.1:{port}"
    command = [program("node", "azurite needs Node.js 20 or newer"), MAIN, "--blobHost", "127.0.0.1", "--blobPort", port]
    command += ["--location", folder / "azurite", "--silent", "--disableTelemetry", "--skipApiVersionCheck"]
    with running("azurite", folder, *command, is_ready=lambda: answers(endpoint)):
        yield BlobStore("azurite", endpoint)
