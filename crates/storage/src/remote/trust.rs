//! Certificate authorities that connections trust: the machine's, and those of `AWS_CA_BUNDLE` or a profile's `ca_bundle`.

use std::path::{Path, PathBuf};

use aws_smithy_http_client::tls::{TlsContext, TrustStore};
use reqwest::{Certificate, ClientBuilder};

use crate::Error;
use crate::error::BundleFlaw;
use crate::printable::printable;
use crate::text::read_bounded;

/// Certificate authorities besides the machine's own.
#[derive(Clone, Debug, Default)]
pub(super) struct Trust {
    /// `None`: only the machine's own.
    bundle: Option<Bundle>,
}

#[derive(Clone, Debug)]
struct Bundle {
    certificates: Vec<Certificate>,
    /// The file as it is.
    pem: Vec<u8>,
}

/// Largest size of a file of certificates in bytes: 16 MiB. Those of a whole system take a few hundred KiB.
pub(super) const MAX_BUNDLE_BYTES: u64 = 16 << 20;

impl Trust {
    /// Reads the authorities of a file, which `setting` names.
    ///
    /// # Errors
    ///
    /// [`Error::CaBundle`]: it cannot be read, or holds no certificate, or something else.
    pub(super) fn read(setting: &str, path: &Path) -> Result<Self, Error> {
        let refused = |flaw| Error::CaBundle { setting: setting.to_owned(), path: printable(path), flaw };
        let pem = read_bounded(path, MAX_BUNDLE_BYTES).map_err(|flaw| refused(BundleFlaw::Unreadable(flaw)))?;
        // The causes are not shown: they may repeat what is in the file, and that may be a key.
        let is_no_certificate = |_| refused(BundleFlaw::NotACertificate);
        let certificates = Certificate::from_pem_bundle(&pem).map_err(is_no_certificate)?;
        if certificates.is_empty() {
            return Err(refused(BundleFlaw::Empty));
        }
        let trust = Self { bundle: Some(Bundle { certificates, pem }) };
        // Only a client parses them.
        trust.of_stores(ClientBuilder::new()).build().map_err(is_no_certificate)?;
        Ok(trust)
    }

    /// Adds these authorities to a store's client.
    pub(super) fn of_stores(&self, client: ClientBuilder) -> ClientBuilder {
        let certificates = self.bundle.iter().flat_map(|bundle| &bundle.certificates);
        certificates.fold(client, |client, certificate| client.add_root_certificate(certificate.clone()))
    }

    /// Returns the same for the services that give credentials; `None` if there is nothing to add.
    pub(super) fn of_services(&self) -> Option<TlsContext> {
        let bundle = self.bundle.as_ref()?;
        let trusted = TrustStore::default().with_pem_certificate(bundle.pem.clone());
        Some(TlsContext::builder().with_trust_store(trusted).build().expect("the certificates were read before"))
    }
}

/// Returns the path in a profile: `~/` is the home folder, as in a shell.
pub(super) fn expanded(path: &str, home: Option<String>) -> PathBuf {
    match (path.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => Path::new(&home).join(rest),
        _ => PathBuf::from(path),
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "a test's own files")]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_file_that_is_not_a_bundle_is_named_with_its_setting() {
        let place = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = place.path().join(name);
            fs::write(&path, text).unwrap();
            path
        };
        let no_base64 = "-----BEGIN CERTIFICATE-----\nhunter2!\n-----END CERTIFICATE-----\n";
        let no_certificate = "-----BEGIN CERTIFICATE-----\naHVudGVyMg==\n-----END CERTIFICATE-----\n";
        let key = "-----BEGIN PRIVATE KEY-----\naHVudGVyMg==\n-----END PRIVATE KEY-----\n";
        for (path, says) in [
            (place.path().join("absent.pem"), "cannot be read"),
            (place.path().to_owned(), "cannot be read"),
            ("/dev/zero".into(), "cannot be read: larger than 16 MiB"),
            (write("empty.pem", ""), "holds no certificate"),
            (write("text.pem", "hunter2"), "holds no certificate"),
            (write("key.pem", key), "holds no certificate"),
            (write("broken.pem", no_base64), "not a certificate"),
            (write("other.pem", no_certificate), "not a certificate"),
        ] {
            let error = Trust::read("AWS_CA_BUNDLE", &path).unwrap_err();
            let text = error.to_string();
            assert!(error.is_usage() && text.contains(says) && !text.contains("hunter2"), "{text}");
            assert!(text.starts_with(&format!("store: AWS_CA_BUNDLE: {}: ", path.display())), "{text}");
        }
    }

    #[test]
    fn a_path_of_a_profile_may_begin_at_home() {
        assert_eq!(expanded("~/ca.pem", Some("/home/x".into())), Path::new("/home/x/ca.pem"));
        assert_eq!(expanded("/etc/ca.pem", Some("/home/x".into())), Path::new("/etc/ca.pem"));
        assert_eq!(expanded("~/ca.pem", None), Path::new("~/ca.pem"));
    }
}
