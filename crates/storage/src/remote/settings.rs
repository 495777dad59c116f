//! Options for reaching stores. Options that are not set come from the environment, under its usual variables.

use std::net::IpAddr;

use reqwest::Url;

use crate::Error;
use crate::error::{HostFlaw, LocationFlaw, Operation, SettingFlaw};
use crate::printable::printable_name;

/// Options for reaching stores. By default the environment decides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConnectOptions {
    /// A profile of the AWS configuration files.
    pub profile: Option<String>,
    /// The region of S3 buckets.
    pub region: Option<String>,
    /// URL of an S3-compatible store.
    pub endpoint_url: Option<String>,
    /// Send requests without credentials.
    pub no_sign_request: bool,
    /// The requester pays for S3 requests.
    pub request_payer: bool,
    /// Encryption of objects that are written to S3.
    pub encryption: Option<Encryption>,
    /// Canned ACL of objects that are written to S3.
    pub acl: Option<String>,
    /// Allow `http://` to other machines.
    pub allow_http: bool,
    /// Form of a bucket's name in S3 requests.
    pub addressing: Addressing,
}

/// Encryption on the server's side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// With keys that S3 manages.
    Aes256,
    /// With a key of the key management service; `None` is the account's default for S3.
    Kms(Option<String>),
}

/// Form of a bucket's name in requests to S3.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Addressing {
    /// In the path if an endpoint is given, or if the bucket's name has dots or cannot be part of a host; else in the host.
    #[default]
    Auto,
    /// In the path: `https://endpoint/bucket/key`.
    Path,
    /// In the host: `https://bucket.endpoint/key`.
    Virtual,
}

impl ConnectOptions {
    /// Checks the options without sending any request. Errors name flags with this prefix: `--`, or `--source-`.
    ///
    /// # Errors
    ///
    /// [`Error::BadSetting`] or [`Error::BadLocation`]: an invalid region; an endpoint whose URL is invalid, holds
    /// credentials, or is neither encrypted nor on this machine; virtual addressing with an endpoint that is an IP
    /// address; a KMS key id that cannot be part of a request.
    pub fn check(&self, prefix: &str) -> Result<(), Error> {
        if let Some(region) = &self.region {
            check_region(&format!("`{prefix}region`"), region)?;
        }
        if let Some(url) = &self.endpoint_url {
            let url = checked_endpoint(&format!("`{prefix}endpoint-url`"), url, self.allow_http)?;
            if self.addressing == Addressing::Virtual {
                check_virtual(&url)?;
            }
        }
        if let Some(Encryption::Kms(Some(key))) = &self.encryption
            && let Some(flaw) = flaw_of(key)
        {
            return Err(Error::BadSetting { setting: "`--sse-kms-key-id`".into(), flaw });
        }
        Ok(())
    }
}

/// Returns why a text cannot be part of a request; `None` if it can.
pub(super) fn flaw_of(text: &str) -> Option<SettingFlaw> {
    if text.chars().any(|symbol| ['\n', '\r'].contains(&symbol)) {
        Some(SettingFlaw::LineBreak)
    } else if text.chars().any(char::is_control) {
        Some(SettingFlaw::ControlCharacter)
    } else if !text.is_ascii() {
        Some(SettingFlaw::NotAscii)
    } else {
        None
    }
}

/// Checks the name of a region, which becomes part of a host's name and of signatures.
///
/// # Errors
///
/// [`Error::BadSetting`].
pub(super) fn check_region(setting: &str, region: &str) -> Result<(), Error> {
    let is_one = (1..64).contains(&region.len())
        && region.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if is_one {
        return Ok(());
    }
    let flaw = SettingFlaw::NotARegion { region: shortened(region) };
    Err(Error::BadSetting { setting: setting.to_owned(), flaw })
}

/// Returns whether a store's answer names a region, which becomes part of a host's name.
pub(super) fn is_region(text: &str) -> bool {
    !text.is_empty() && text.len() < 64 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// Returns the beginning of a text, escaped.
fn shortened(text: &str) -> String {
    const MAX_SHOWN_CHARS: usize = 40;
    let end = if text.chars().count() > MAX_SHOWN_CHARS { "..." } else { "" };
    printable_name(&text.chars().take(MAX_SHOWN_CHARS).collect::<String>()) + end
}

/// The setting that names buckets in the host.
pub(super) const VIRTUAL: &str = "`--addressing-style virtual`";

/// Checks that a bucket's name can be put before the host of an endpoint.
///
/// # Errors
///
/// [`Error::BadSetting`]: the host is an IP address.
pub(super) fn check_virtual(endpoint: &str) -> Result<(), Error> {
    let is_address = Url::parse(endpoint).ok().is_some_and(|url| url.host_str().is_some_and(is_address));
    if !is_address {
        return Ok(());
    }
    Err(Error::BadSetting { setting: VIRTUAL.into(), flaw: SettingFlaw::HostIsAddress })
}

fn is_address(host: &str) -> bool {
    host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok()
}

/// Checks an endpoint's URL, and returns it without blanks around it or slashes at its end.
///
/// # Errors
///
/// [`Error::BadSetting`] names the setting: the URL is invalid, or holds credentials. [`Error::BadLocation`]: it is
/// neither encrypted nor on this machine.
pub(super) fn checked_endpoint(setting: &str, url: &str, allow_http: bool) -> Result<String, Error> {
    // The URL is shown only if it cannot hold secrets.
    let bad = |flaw| Error::BadSetting { setting: setting.to_owned(), flaw };
    let url = url.trim();
    let (scheme, rest) = url.split_once("://").ok_or_else(|| bad(SettingFlaw::NotAnEndpoint))?;
    let authority = rest.split(['/', '?', '#']).next().expect("a text has a first part");
    if authority.contains('@') {
        return Err(bad(SettingFlaw::HoldsCredentials));
    }
    if authority.is_empty() || rest.contains(['?', '#']) {
        return Err(bad(SettingFlaw::NotAnEndpoint));
    }
    // Requests pass two parsers of URLs, and one may refuse a URL that the other accepts.
    if !is_url(url) {
        return Err(bad(SettingFlaw::BadHost(flaw_of_host(authority))));
    }
    match scheme {
        "https" => {}
        "http" if allow_http || is_loopback(authority) => {}
        "http" => {
            let flaw = LocationFlaw::Unencrypted;
            let location = format!("http://{}", printable_name(authority));
            return Err(Error::BadLocation { doing: Operation::Store, location, flaw });
        }
        _ => return Err(bad(SettingFlaw::NotHttps)),
    }
    Ok(url.trim_end_matches('/').to_owned())
}

/// Returns whether a request can be sent to a URL.
pub(super) fn is_url(url: &str) -> bool {
    url.parse::<http::Uri>().is_ok() && Url::parse(url).is_ok_and(|url| url.has_host())
}

/// Returns what is wrong with the host and port of an invalid URL.
fn flaw_of_host(authority: &str) -> HostFlaw {
    let port = match authority.rsplit_once(']') {
        Some((_, rest)) => rest.strip_prefix(':'),
        None => authority.split_once(':').map(|(_, port)| port),
    };
    let is_digits = |port: &str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    if authority.starts_with('[') && !authority.contains(']') {
        return HostFlaw::NoBracket;
    }
    match port.filter(|port| port.parse::<u16>().is_err()) {
        Some(port) if is_digits(port) => HostFlaw::PortTooLarge { port: shortened(port) },
        Some(_) => HostFlaw::PortNotANumber,
        None => HostFlaw::NotAHost,
    }
}

fn is_loopback(authority: &str) -> bool {
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next(),
        None => authority.split(':').next(),
    };
    let host = host.expect("a text has a first part");
    host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_encrypted_or_on_this_machine() {
        for url in ["https://s3.example.com", "http://127.0.0.1:9000/", "http://localhost", "http://[::1]:80"] {
            assert_eq!(checked_endpoint("AWS_ENDPOINT_URL", url, false).unwrap(), url.trim_end_matches('/'));
        }
        for url in
            ["http://s3.example.com", "http://10.0.0.1", "http://localhost.example.com", "http://127.0.0.1.example.com"]
        {
            assert!(
                checked_endpoint("AWS_ENDPOINT_URL", url, false)
                    .unwrap_err()
                    .to_string()
                    .contains("sends logs and credentials readably"),
                "{url}"
            );
            assert!(checked_endpoint("AWS_ENDPOINT_URL", url, true).is_ok());
        }
    }

    #[test]
    fn an_endpoint_with_secrets_is_refused_without_showing_them() {
        for url in
            ["https://key:hunter2@s3.example.com", "https://s3.example.com/?token=hunter2", "hunter2", "ftp://hunter2"]
        {
            assert!(!checked_endpoint("AWS_ENDPOINT_URL", url, true).unwrap_err().to_string().contains("hunter2"));
        }
    }

    #[test]
    fn an_invalid_endpoint_is_reported_with_its_setting() {
        for (url, says) in [
            ("https://s3.example.com:99999", "the port 99999 is above 65535"),
            ("https://s3.example.com:8x", "the port is not a number"),
            ("https://s3.example.com:", "https://s3.example.com:"),
            ("http://[::1", "a `]` is missing"),
            ("https://[::1]:70000", "the port 70000 is above 65535"),
            ("https://s3 .example.com", "the host is neither a name"),
            ("https://s3.exa\nmple.com", "the host is neither a name"),
            ("https://s3.example.com/a b", "percent-encoded"),
            ("https://", "expected `https://host"),
            ("", "expected `https://host"),
        ] {
            match checked_endpoint("AWS_ENDPOINT_URL_S3", url, true) {
                // An empty port is the scheme's.
                Ok(checked) => assert_eq!(checked, says),
                Err(error) => {
                    let text = error.to_string();
                    assert!(error.is_usage() && text.starts_with("store: AWS_ENDPOINT_URL_S3: "), "{text}");
                    assert!(text.contains(says), "{url}: {text}");
                }
            }
        }
        for url in ["https://s3.example.com\n", " https://s3.example.com/ \t"] {
            assert_eq!(checked_endpoint("AWS_ENDPOINT_URL", url, false).unwrap(), "https://s3.example.com");
        }
    }

    #[test]
    fn options_are_checked_and_named() {
        let options = |region: Option<&str>, url: Option<&str>, addressing| ConnectOptions {
            region: region.map(str::to_owned),
            endpoint_url: url.map(str::to_owned),
            addressing,
            ..ConnectOptions::default()
        };
        let kms =
            ConnectOptions { encryption: Some(Encryption::Kms(Some("a\nb".into()))), ..ConnectOptions::default() };
        for (options, says) in [
            (options(Some("us east"), None, Addressing::Auto), "store: `--source-region`: `us east` is not a region"),
            (options(Some(""), None, Addressing::Auto), "`--source-region`"),
            (options(Some("a/b"), None, Addressing::Auto), "`--source-region`"),
            (options(Some("us-east-1\u{1b}[31m"), None, Addressing::Auto), "`us-east-1\\u{1b}[31m` is not a region"),
            (options(None, Some("http://[::1"), Addressing::Auto), "store: `--source-endpoint-url`: "),
            (options(None, Some("http://127.0.0.1:9000"), Addressing::Virtual), "cannot stand before an IP address"),
            (options(None, Some("http://[::1]:9000"), Addressing::Virtual), "cannot stand before an IP address"),
            (options(None, Some("http://localhost\n:1"), Addressing::Auto), "store: `--source-endpoint-url`: "),
            (kms, "store: `--sse-kms-key-id`: has a line break in it"),
        ] {
            let error = options.check("--source-").unwrap_err();
            let text = error.to_string();
            assert!(error.is_usage() && text.contains(says) && !text.contains('\u{1b}'), "{text}");
        }
        for region in ["eu-west-1", "us-gov-east-1", "default", "auto", "my_region.example"] {
            let url = Some("http://localhost:9000");
            assert!(options(Some(region), url, Addressing::Virtual).check("--").is_ok(), "{region}");
        }
    }
}
