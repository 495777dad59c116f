//! What a person says about how to reach stores; what is not said comes from the environment, as the ecosystem does it.

use crate::Error;
use crate::uri::printable_name;

/// How stores are reached. The default is what the environment says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConnectOptions {
    /// A profile of the AWS configuration files.
    pub profile: Option<String>,
    /// The region of S3 buckets.
    pub region: Option<String>,
    /// Where an S3-compatible store answers.
    pub endpoint_url: Option<String>,
    /// Send requests without credentials.
    pub no_sign_request: bool,
    /// The requester pays for S3 requests.
    pub request_payer: bool,
    /// How S3 encrypts what is written.
    pub encryption: Option<Encryption>,
    /// The canned ACL of what is written to S3.
    pub acl: Option<String>,
    /// Allow `http://` to other machines.
    pub allow_http: bool,
    /// How a bucket is named in S3 requests.
    pub addressing: Addressing,
}

/// Encryption on the server's side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// With keys that S3 manages.
    Aes256,
    /// With a key of the key management service; none is the account's default for S3.
    Kms(Option<String>),
}

/// How a bucket is named in requests to S3.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Addressing {
    /// In the path where an endpoint is given or the bucket's name has dots or cannot be part of a host, else in the host.
    #[default]
    Auto,
    /// In the path: `https://endpoint/bucket/key`.
    Path,
    /// In the host: `https://bucket.endpoint/key`.
    Virtual,
}

impl ConnectOptions {
    /// Looks at what can be judged without asking anybody.
    ///
    /// # Errors
    ///
    /// The endpoint's URL is none, holds credentials, or is not encrypted and not on this machine.
    pub fn check(&self) -> Result<(), Error> {
        self.endpoint_url.as_deref().map_or(Ok(()), |url| checked_endpoint(url, self.allow_http).map(|_url| ()))
    }
}

/// An endpoint's URL, checked.
///
/// # Errors
///
/// It is none, holds credentials, or is not encrypted and not on this machine.
pub(super) fn checked_endpoint(url: &str, allow_http: bool) -> Result<String, Error> {
    // Shown only where it is known to hold no secrets.
    let bad = |reason| Error::BadLocation { doing: "store", location: "the endpoint URL".into(), reason };
    let (scheme, rest) = url
        .split_once("://")
        .ok_or_else(|| bad("expected `https://host[:port]`\nhint: check --endpoint-url and AWS_ENDPOINT_URL"))?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.is_empty() || rest.contains(['?', '#']) {
        return Err(bad("expected `https://host[:port]`\nhint: check --endpoint-url and AWS_ENDPOINT_URL"));
    }
    if authority.contains('@') {
        return Err(bad("holds credentials\nhint: give them in the environment or a profile instead"));
    }
    match scheme {
        "https" => {}
        "http" if allow_http || is_loopback(authority) => {}
        "http" => {
            let reason = "sends logs and credentials readably\nhint: use `https://`, or say --allow-http if you trust the network";
            let location = format!("http://{}", printable_name(authority));
            return Err(Error::BadLocation { doing: "store", location, reason });
        }
        _ => return Err(bad("expected `https://`")),
    }
    Ok(url.trim_end_matches('/').to_owned())
}

fn is_loopback(authority: &str) -> bool {
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    host == "localhost" || host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_encrypted_or_on_this_machine() {
        for url in ["https://s3.example.com", "http://127.0.0.1:9000/", "http://localhost", "http://[::1]:80"] {
            assert_eq!(checked_endpoint(url, false).unwrap(), url.trim_end_matches('/'));
        }
        for url in
            ["http://s3.example.com", "http://10.0.0.1", "http://localhost.example.com", "http://127.0.0.1.example.com"]
        {
            assert!(checked_endpoint(url, false).unwrap_err().to_string().contains("--allow-http"), "{url}");
            assert!(checked_endpoint(url, true).is_ok());
        }
    }

    #[test]
    fn an_endpoint_with_secrets_is_refused_without_showing_them() {
        for url in
            ["https://key:hunter2@s3.example.com", "https://s3.example.com/?token=hunter2", "hunter2", "ftp://hunter2"]
        {
            assert!(!checked_endpoint(url, true).unwrap_err().to_string().contains("hunter2"));
        }
    }
}
