"""A certificate authority for tests and its certificates, made with openssl each time."""

import ssl

from .process import run


class Authority:
    """A certificate authority that no machine trusts."""

    def __init__(self, folder):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.bundle = folder, folder / "authority.pem"
        self._key = folder / "authority.key"
        run(
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-keyout", self._key, "-out", self.bundle, "-days", "30", "-subj", "/CN=an authority for tests",
            "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign",
        )

    def server(self, *names):
        """Returns the TLS context of a server with these names: `DNS:*.example.com`, `IP:127.0.0.1`."""
        key, request, certificate, extensions = (self.folder / f"server.{end}" for end in ("key", "csr", "pem", "ext"))
        run(
            "openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-keyout", key, "-out", request, "-subj", "/CN=a server for tests",
        )
        extensions.write_text(f"subjectAltName={','.join(names)}\nextendedKeyUsage=serverAuth\n")
        run(
            "openssl", "x509", "-req", "-in", request, "-CA", self.bundle, "-CAkey", self._key, "-CAcreateserial",
            "-out", certificate, "-days", "30", "-extfile", extensions,
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        return context
