//! A refusal of a store, as it was answered.
//!
//! **Invariant.** Nothing of a request is in it, and of an answer only the store's code and message, a region, and the
//! host of a redirect, each without the secrets of the request; never a whole header or URL.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use http::{Extensions, HeaderMap, StatusCode};
use reqwest::Url;
use serde::Deserialize;

use super::secrets::Secrets;
use super::settings::is_region;
use crate::error::Answer;
use crate::printable::printable_name;

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) status: StatusCode,
    /// Such as `AccessDenied`; empty if there is none.
    pub(super) code: String,
    message: String,
    /// The bucket's region, if the store names it.
    pub(super) region: Option<String>,
    /// The other host that a redirect leads to.
    pub(super) host: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Body {
    code: String,
    message: String,
    region: Option<String>,
}

/// Longest message in characters; longer ones are cut.
const MAX_MESSAGE_CHARS: usize = 300;

impl Failure {
    /// Returns a refusal of which nothing else is known.
    pub(super) fn denied() -> Self {
        Self { status: StatusCode::FORBIDDEN, code: String::new(), message: String::new(), region: None, host: None }
    }

    /// Returns the refusal that an answer contains, without these secrets.
    pub(super) fn of(status: StatusCode, headers: &HeaderMap, body: &[u8], secrets: &Secrets) -> Self {
        let Body { code, message, region } = quick_xml::de::from_reader(body).unwrap_or_default();
        let header = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let code = if code.is_empty() { header("x-ms-error-code").unwrap_or_default() } else { code };
        let text = |text: &str| {
            let line = secrets.out_of(text.lines().next().unwrap_or_default().trim());
            printable_name(&line.chars().take(MAX_MESSAGE_CHARS).collect::<String>())
        };
        Self {
            status,
            code: text(&code),
            message: text(&message),
            region: header("x-amz-bucket-region").or(region).map(|region| text(&region)).filter(|text| is_region(text)),
            host: header("location")
                .filter(|_| status.is_redirection())
                .and_then(|url| host_of(&url))
                .map(|url| text(&url)),
        }
    }

    /// Returns whether its message has this text, which is in lower case.
    pub(super) fn mentions(&self, text: &str) -> bool {
        self.message.to_ascii_lowercase().contains(text)
    }

    /// Returns whether a permission is missing.
    pub(super) fn is_denied(&self) -> bool {
        [StatusCode::FORBIDDEN, StatusCode::UNAUTHORIZED].contains(&self.status)
    }

    /// Returns whether a retry may have another answer.
    pub(super) fn is_passing(&self) -> bool {
        self.status.is_server_error()
            || [StatusCode::TOO_MANY_REQUESTS, StatusCode::REQUEST_TIMEOUT].contains(&self.status)
    }

    /// Returns whether the bucket is missing.
    pub(super) fn is_missing_bucket(&self) -> bool {
        ["NoSuchBucket", "ContainerNotFound"].contains(&self.code.as_str())
    }

    /// Returns whether the key is missing, and not the bucket.
    pub(super) fn is_missing_key(&self) -> bool {
        self.status == StatusCode::NOT_FOUND && !self.is_missing_bucket()
    }

    /// Returns whether the credentials have expired.
    pub(super) fn is_expired(&self) -> bool {
        matches!(
            self.code.as_str(),
            "ExpiredToken" | "ExpiredTokenException" | "TokenRefreshRequired" | "RequestExpired"
        )
    }
}

/// Returns the host and port of a redirect's URL.
fn host_of(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    let host = url.host_str()?;
    Some(url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
}

impl Failure {
    /// Returns the store's own words.
    pub(super) fn answer(&self) -> Answer {
        Answer { status: self.status, code: self.code.clone(), message: self.message.clone() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.answer())
    }
}

/// Keeps the refusal of a request's last attempt, through all layers that the request passes.
#[derive(Clone, Debug, Default)]
pub(super) struct Witness(Arc<Mutex<Option<Failure>>>);

impl Witness {
    /// Returns the extensions of a request that it is a witness of.
    pub(super) fn extensions(&self) -> Extensions {
        let mut extensions = Extensions::new();
        extensions.insert(self.clone());
        extensions
    }

    pub(super) fn note(&self, failure: Failure) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure);
    }

    pub(super) fn forget(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    pub(super) fn seen(&self) -> Option<Failure> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
