//! Removes a request's secrets from answers before they are shown: a store may repeat them, and a hostile store will.
//!
//! **Invariant.** No [`WINDOW_BYTES`] long piece of a secret is shown: not in upper or lower case, percent-encoded, in
//! base64, or reduced to its letters and digits.

use std::collections::HashSet;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use http::HeaderMap;
use object_store::aws::AwsCredential;
use object_store::client::HttpRequest;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// Secrets that a request was sent with.
#[derive(Clone, Debug, Default)]
pub(super) struct Secrets(Vec<Secret>);

/// A secret in lower case. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
struct Secret(String);

/// Text that replaces a secret.
const REMOVED: &str = "[removed]";
/// Length of the pieces that are looked for. A shorter secret is looked for as a whole.
const WINDOW_BYTES: usize = 10;
/// Shorter texts are not treated as secrets: they are part of many words.
const MIN_BYTES: usize = 6;

/// Characters that are percent-encoded in a query of a URL; in a path `/` is not.
const IN_URL: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
const IN_PATH: &AsciiSet = &IN_URL.remove(b'/');

/// Parameters of a URL that grant access.
const PARAMETERS: [&str; 6] =
    ["sig", "access_token", "x-amz-signature", "x-amz-security-token", "x-amz-credential", "x-goog-signature"];

impl Secrets {
    /// Returns the secrets that a request carries.
    pub(super) fn of_request(request: &HttpRequest) -> Self {
        let mut secrets = Self::default();
        secrets.add_headers(request.headers());
        for (name, value) in
            request.uri().query().unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='))
        {
            if PARAMETERS.contains(&name.to_ascii_lowercase().as_str()) {
                secrets.add(&percent_decode_str(value).decode_utf8_lossy());
            }
        }
        secrets
    }

    /// Adds those of a credential.
    pub(super) fn and(mut self, credential: Option<impl AsRef<AwsCredential>>) -> Self {
        if let Some(credential) = credential {
            let AwsCredential { key_id, secret_key, token } = credential.as_ref();
            [Some(key_id), Some(secret_key), token.as_ref()].into_iter().flatten().for_each(|secret| self.add(secret));
        }
        self
    }

    fn add_headers(&mut self, headers: &HeaderMap) {
        for (name, value) in headers {
            let (name, Ok(value)) = (name.as_str(), value.to_str()) else { continue };
            if name == "authorization" {
                self.add_authorization(value);
            } else if name.contains("token") || name.ends_with("kms-key-id") {
                self.add(value);
            }
        }
    }

    /// Adds the secrets in `AWS4-HMAC-SHA256 Credential=KEY/..., SignedHeaders=..., Signature=...`, `SharedKey
    /// ACCOUNT:...` or `Bearer ...`.
    fn add_authorization(&mut self, value: &str) {
        for part in value.split([' ', ',']) {
            match part.split_once('=') {
                Some(("Credential", scope)) => self.add(scope.split_once('/').map_or(scope, |(first, _)| first)),
                Some(("SignedHeaders", _)) => {}
                Some(("Signature", signature)) => self.add(signature),
                _ => part.rsplit(':').take(1).for_each(|part| self.add(part)),
            }
        }
    }

    /// Adds a secret in all encodings in which a store may repeat it.
    fn add(&mut self, secret: &str) {
        // Names of signature schemes are not secrets.
        if secret.len() < MIN_BYTES || ["AWS4-HMAC-SHA256", "SharedKey", "Bearer"].contains(&secret) {
            return;
        }
        let encoded = |set| utf8_percent_encode(secret, set).to_string();
        let bare: String = secret.chars().filter(char::is_ascii_alphanumeric).collect();
        let base64 = BASE64_STANDARD_NO_PAD.encode(secret);
        for shape in [secret.to_owned(), encoded(IN_URL), encoded(IN_PATH), base64, bare] {
            let shape = Secret(shape.to_ascii_lowercase());
            if shape.0.len() >= MIN_BYTES && !self.0.contains(&shape) {
                self.0.push(shape);
            }
        }
    }

    /// Returns a text without the secrets.
    pub(super) fn out_of(&self, text: &str) -> String {
        let small = text.to_ascii_lowercase();
        let mut is_secret = vec![false; text.len()];
        for Secret(secret) in &self.0 {
            mark(secret.as_bytes(), small.as_bytes(), &mut is_secret);
        }
        let mut shown = String::with_capacity(text.len());
        let mut was_secret = false;
        for (at, symbol) in text.char_indices() {
            // A piece may begin or end within a character of several bytes.
            let hides = is_secret.get(at..at + symbol.len_utf8()).is_some_and(|bytes| bytes.contains(&true));
            match (hides, was_secret) {
                (true, false) => shown.push_str(REMOVED),
                (true, true) => {}
                (false, _) => shown.push(symbol),
            }
            was_secret = hides;
        }
        shown
    }
}

/// Marks the bytes of a text that are a piece of a secret.
fn mark(secret: &[u8], text: &[u8], marks: &mut [bool]) {
    let window = WINDOW_BYTES.min(secret.len());
    let pieces: HashSet<&[u8]> = secret.windows(window).collect();
    for (at, piece) in text.windows(window).enumerate() {
        if pieces.contains(piece)
            && let Some(marks) = marks.get_mut(at..at + window)
        {
            marks.fill(true);
        }
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Secret")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use object_store::client::HttpRequestBody;

    const TOKEN: &str = "IQoJb3JpZ2luX2VjEOj//////////wEaCXVzLWVhc3QtMSJHMEUCIQDmQ+hunter2+x/y==";
    const SIGNATURE: &str = "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7";

    fn secrets() -> Secrets {
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20250102/us-east-1/s3/aws4_request, SignedHeaders=host;x-amz-date, Signature={SIGNATURE}"
        );
        let request = http::Request::builder()
            .uri("https://account.blob.core.windows.net/logs/E1.gz?comp=list&sig=hunter2%2Bhunter2%2F%3D&sv=2024-08-04")
            .header("authorization", authorization)
            .header("x-amz-security-token", TOKEN)
            .header("x-amz-date", "20250102T030405Z")
            .body(HttpRequestBody::empty())
            .unwrap();
        let credential = AwsCredential {
            key_id: "AKIAIOSFODNN7EXAMPLE".into(),
            secret_key: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".into(),
            token: Some(TOKEN.into()),
        };
        Secrets::of_request(&request).and(Some(std::sync::Arc::new(credential)))
    }

    #[test]
    fn secrets_of_a_request_are_removed_in_all_their_encodings() {
        let secrets = secrets();
        let percent = utf8_percent_encode(TOKEN, NON_ALPHANUMERIC).to_string();
        for secret in [
            TOKEN,
            &TOKEN[..20],
            &TOKEN[9..40],
            &TOKEN.to_uppercase(),
            &percent,
            &percent.to_lowercase(),
            &BASE64_STANDARD_NO_PAD.encode(TOKEN),
            SIGNATURE,
            &SIGNATURE[3..17],
            "AKIAIOSFODNN7EXAMPLE",
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "hunter2+hunter2/=",
            "hunter2%2Bhunter2%2F%3D",
        ] {
            let shown = secrets.out_of(&format!("é: the value <{secret}> is wrong"));
            assert_eq!(shown, "é: the value <[removed]> is wrong", "{secret}");
        }
    }

    #[test]
    fn other_texts_are_shown() {
        for text in [
            "Access Denied",
            "AWS4-HMAC-SHA256 is needed, with SignedHeaders=host;x-amz-date, in us-east-1 on 20250102",
            "the bucket must be addressed using s3.eu-west-1.amazonaws.com",
            "Bearer and SharedKey are not supported",
            "AKIA... \u{e9}",
        ] {
            assert_eq!(secrets().out_of(text), text);
        }
        assert_eq!(Secrets::default().out_of("anything"), "anything");
    }

    #[test]
    fn debug_does_not_show_secrets() {
        assert!(!format!("{:?}", secrets()).contains("unter"));
    }
}
