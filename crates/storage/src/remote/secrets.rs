//! What must not be shown of an answer: a store may repeat what it was asked with, and a store that lies will.
//!
//! **Invariant.** Of a secret no piece of [`WINDOW_BYTES`] comes through, in large or small letters, percent-encoded, in base64,
//! or with its letters and digits alone.

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

/// In small letters. Shown to nobody, also not by `Debug`.
#[derive(Clone, PartialEq, Eq)]
struct Secret(String);

/// What stands in a text where a secret stood.
const REMOVED: &str = "[removed]";
/// Length of the pieces that are looked for. A shorter secret is looked for as a whole.
const WINDOW_BYTES: usize = 10;
/// What is shorter keeps nothing secret, and is part of many words.
const MIN_BYTES: usize = 6;

/// What stands for itself in a part of a URL.
const IN_URL: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
const IN_PATH: &AsciiSet = &IN_URL.remove(b'/');

/// Parameters of a URL that let in who has them.
const PARAMETERS: [&str; 6] =
    ["sig", "access_token", "x-amz-signature", "x-amz-security-token", "x-amz-credential", "x-goog-signature"];

impl Secrets {
    /// Those that a request carries.
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

    /// The same, and those of a credential.
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

    /// What lets in of `AWS4-HMAC-SHA256 Credential=KEY/..., SignedHeaders=..., Signature=...`, `SharedKey ACCOUNT:...`, `Bearer ...`.
    fn add_authorization(&mut self, value: &str) {
        for part in value.split([' ', ',']) {
            match part.split_once('=') {
                Some(("Credential", scope)) => self.add(scope.split('/').next().unwrap_or_default()),
                Some(("SignedHeaders", _)) => {}
                Some(("Signature", signature)) => self.add(signature),
                _ => part.rsplit(':').take(1).for_each(|part| self.add(part)),
            }
        }
    }

    /// Adds a secret in all shapes that it may be repeated in.
    fn add(&mut self, secret: &str) {
        // The names of ways to sign are no secrets.
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

    /// A text without them.
    pub(super) fn out_of(&self, text: &str) -> String {
        let small = text.to_ascii_lowercase();
        let mut is_secret = vec![false; text.len()];
        for Secret(secret) in &self.0 {
            mark(secret.as_bytes(), small.as_bytes(), &mut is_secret);
        }
        let mut shown = String::with_capacity(text.len());
        let mut was_secret = false;
        for (at, symbol) in text.char_indices() {
            // A secret may begin or end within what is no letter of ours.
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
    fn what_a_request_was_sent_with_is_taken_out_in_all_its_shapes() {
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
    fn what_is_no_secret_is_shown() {
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
    fn nobody_sees_them_by_debug() {
        assert!(!format!("{:?}", secrets()).contains("unter"));
    }
}
