//! What a store answered when it refused: its own words in, ours out.
//!
//! **Invariant.** Nothing of a request is shown, and of an answer only the store's code and message, a region, and the
//! host of a redirect, each without the secrets of the request; never a whole header or URL.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use http::{HeaderMap, StatusCode};
use reqwest::Url;
use serde::Deserialize;

use super::concern::{Concern, Hindrance};
use super::region::is_region;
use super::secrets::Secrets;
use super::url::{Bucket, Scheme};
use super::wire::{NoAnswer, NoSignature, causes};
use crate::Error;
use crate::printable::printable_name;

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) status: StatusCode,
    /// Such as `AccessDenied`; empty where there is none.
    pub(super) code: String,
    message: String,
    /// Where the bucket is, if the store says so.
    region: Option<String>,
    /// The other host that a redirect leads to.
    host: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Body {
    code: String,
    message: String,
    region: Option<String>,
}

/// Longer sentences are cut.
const MAX_MESSAGE_CHARS: usize = 300;

impl Failure {
    /// A refusal of which only this is known.
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

    /// Does its sentence hold this text, which is in small letters?
    pub(super) fn mentions(&self, text: &str) -> bool {
        self.message.to_ascii_lowercase().contains(text)
    }

    /// A permission is missing.
    pub(super) fn is_denied(&self) -> bool {
        [StatusCode::FORBIDDEN, StatusCode::UNAUTHORIZED].contains(&self.status)
    }

    /// The credentials ran out: newer ones may do.
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

/// Never what a request had in it.
impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.code.as_str(), self.message.as_str()) {
            ("", "") => write!(out, "the store answers {}", self.status),
            (code, "") => write!(out, "the store answers {} {code}", self.status.as_u16()),
            (code, message) => write!(out, "the store answers {} {code}: {message}", self.status.as_u16()),
        }
    }
}

/// Hears whether the last try of a request was refused, through however many layers it goes.
#[derive(Clone, Debug, Default)]
pub(super) struct Witness(Arc<Mutex<Option<Failure>>>);

impl Witness {
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

/// What was asked of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Ask where the bucket is.
    Find,
    List,
    Get,
    Put,
    Delete,
}

impl Action {
    fn words(self) -> &'static str {
        match self {
            Self::Find => "find its region",
            Self::List => "list it",
            Self::Get => "read it",
            Self::Put => "write it",
            Self::Delete => "delete it",
        }
    }

    /// The permission that it takes, and on what.
    fn permission(self, bucket: &Bucket, key: &str) -> String {
        let key = printable_name(key);
        let name = &bucket.name;
        let s3 = match self {
            Self::Find | Self::List => return list_permission(bucket),
            Self::Get => "s3:GetObject",
            Self::Put => "s3:PutObject",
            Self::Delete => "s3:DeleteObject",
        };
        match bucket.scheme {
            Scheme::S3 => format!("`{s3}` on `arn:aws:s3:::{name}/{key}`"),
            Scheme::Gcs if self == Self::Get => format!("`storage.objects.get` on bucket `{name}`"),
            Scheme::Gcs if self == Self::Put => format!("`storage.objects.create` on bucket `{name}`"),
            Scheme::Gcs => format!("`storage.objects.delete` on bucket `{name}`"),
            Scheme::Azure if self == Self::Get => format!("Storage Blob Data Reader on container `{name}`"),
            Scheme::Azure => format!("Storage Blob Data Contributor on container `{name}`"),
        }
    }
}

fn list_permission(bucket: &Bucket) -> String {
    let name = &bucket.name;
    match bucket.scheme {
        Scheme::S3 => format!("`s3:ListBucket` on `arn:aws:s3:::{name}`"),
        Scheme::Gcs => format!("`storage.objects.list` on bucket `{name}`"),
        Scheme::Azure => format!("Storage Blob Data Reader on container `{name}`"),
    }
}

/// Where something went wrong.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'p> {
    pub(super) doing: &'static str,
    pub(super) action: Action,
    pub(super) bucket: &'p Bucket,
    pub(super) key: &'p str,
}

impl Place<'_> {
    fn location(&self) -> String {
        if self.key.is_empty() { self.bucket.to_string() } else { self.bucket.location(self.key) }
    }

    /// An error of these words.
    pub(super) fn strange(&self, reason: &str) -> Error {
        self.because(reason.to_owned())
    }

    /// What went wrong: the store's refusal, or what the transport says where no store answered.
    pub(super) fn error(&self, failure: Option<&Failure>, error: &(dyn std::error::Error + 'static)) -> Error {
        match failure {
            Some(failure) => self.refused(failure),
            None => self.unanswered(error),
        }
    }

    /// The same where one listed object was read: it may be the only one that cannot be.
    pub(super) fn error_of_object(
        &self,
        failure: Option<&Failure>,
        error: &(dyn std::error::Error + 'static),
    ) -> Error {
        match failure.filter(|failure| failure.concern() == Concern::Object) {
            Some(failure) => {
                Error::Unreadable { doing: self.doing, location: self.location(), reason: self.reason(failure) }
            }
            None => self.error(failure, error),
        }
    }

    fn because(&self, reason: String) -> Error {
        Error::Remote { doing: self.doing, action: self.action.words(), location: self.location(), reason }
    }

    /// What a refusal means, and what to do about it.
    fn refused(&self, failure: &Failure) -> Error {
        if ["NoSuchBucket", "ContainerNotFound"].contains(&failure.code.as_str()) {
            let bucket = self.bucket.to_string();
            return Error::NoBucket { doing: self.doing, bucket, location: self.location() };
        }
        self.because(self.reason(failure))
    }

    /// The refusal, and what to do about it.
    fn reason(&self, failure: &Failure) -> String {
        if self.action == Action::Get
            && let Some(hindrance) = failure.hindrance()
        {
            return self.hindered(failure, hindrance);
        }
        match (failure.code.as_str(), failure.status) {
            ("ExpiredToken" | "ExpiredTokenException" | "TokenRefreshRequired" | "RequestExpired", _) => {
                format!(
                    "{failure}\nhint: the credentials have expired; renew them (`aws login`, `aws sso login`, a new session token) and run again: nothing is lost"
                )
            }
            ("InvalidAccessKeyId" | "SignatureDoesNotMatch" | "InvalidToken" | "AuthFailure", _) => {
                format!(
                    "{failure}\nhint: the credentials are not known to this store; check the access key, --profile and --endpoint-url"
                )
            }
            ("RequestTimeTooSkewed", _) => format!("{failure}\nhint: set this machine's clock"),
            (
                "PermanentRedirect"
                | "AuthorizationHeaderMalformed"
                | "IllegalLocationConstraintException"
                | "TemporaryRedirect",
                _,
            )
            | (_, StatusCode::MOVED_PERMANENTLY | StatusCode::TEMPORARY_REDIRECT) => self.elsewhere(failure),
            _ if failure.host.is_some() => self.elsewhere(failure),
            _ if failure.is_overload()
                || [StatusCode::SERVICE_UNAVAILABLE, StatusCode::TOO_MANY_REQUESTS].contains(&failure.status) =>
            {
                format!("{failure}, again and again\nhint: the store is overloaded; run again later: nothing is lost")
            }
            _ if failure.is_denied() => self.denied(failure),
            _ => failure.to_string(),
        }
    }

    /// Returns the message for a bucket in another region, or at another host.
    fn elsewhere(&self, failure: &Failure) -> String {
        let name = &self.bucket.name;
        match (&failure.region, &failure.host) {
            (Some(region), _) => format!(
                "the bucket `{name}` is in region `{region}`\nhint: say `--region {region}`, or `--source-region {region}` if only the logs are there"
            ),
            (None, Some(host)) => format!(
                "{failure}: a redirect to `{host}`, which is another host and is not followed, so that no credentials go there\nhint: name the host that is meant, with --endpoint-url or --source-endpoint-url, or the bucket's region, with --region or --source-region"
            ),
            (None, None) => format!(
                "{failure}\nhint: the bucket `{name}` is in another region; say it with --region or --source-region"
            ),
        }
    }

    fn denied(&self, failure: &Failure) -> String {
        let permission = self.action.permission(self.bucket, self.key);
        if self.action == Action::Get && self.bucket.scheme == Scheme::S3 {
            return format!(
                "access denied: {failure}\nhint: it takes {permission}, and {} to tell an absent object from a secret one",
                list_permission(self.bucket)
            );
        }
        format!("access denied: {failure}\nhint: it takes {permission}")
    }

    /// Why one object is not handed out.
    fn hindered(&self, failure: &Failure, hindrance: Hindrance) -> String {
        match hindrance {
            Hindrance::Denied => self.denied(failure),
            Hindrance::Key => {
                let permission = match self.bucket.scheme {
                    Scheme::S3 => "`kms:Decrypt` on the key",
                    Scheme::Gcs => "the role Cloud KMS CryptoKey Decrypter on the key for the bucket's service agent",
                    Scheme::Azure => "access of the storage account to the key vault",
                };
                format!(
                    "its encryption key cannot be used: {failure}\nhint: it takes {permission}, and a key that is enabled"
                )
            }
            Hindrance::OwnKey => format!(
                "it is encrypted with a key that the store does not keep: {failure}\nhint: write it again without a customer-provided key, or leave it out with --exclude"
            ),
            Hindrance::Archived => {
                let restore = if self.bucket.scheme == Scheme::S3 { "(Glacier); restore it" } else { "; rehydrate it" };
                format!("{failure}\nhint: the object is archived {restore}, or leave it out with --exclude or --from")
            }
        }
    }

    /// What the transport says, where no store answered.
    fn unanswered(&self, error: &(dyn std::error::Error + 'static)) -> Error {
        let mut from = String::new();
        let mut innermost = error;
        for cause in causes(error) {
            if let Some(NoSignature(reason)) = cause.downcast_ref() {
                return self.because(reason.to_string());
            }
            if let Some(NoAnswer { host, .. }) = cause.downcast_ref() {
                from = format!(" from `{}`", printable_name(host));
            }
            innermost = cause;
        }
        // The innermost cause says what happened; those around it repeat URLs.
        let cause = printable_name(&innermost.to_string());
        let hint = hint_of_network(&cause, self.bucket.scheme);
        self.because(format!("the network failed: no answer{from}: {cause}\nhint: {hint}"))
    }
}

/// What to look at, by what the transport says.
fn hint_of_network(cause: &str, scheme: Scheme) -> &'static str {
    let mentions = |words: &[&str]| words.iter().any(|word| cause.to_ascii_lowercase().contains(word));
    if mentions(&["notvalidforname", "not valid for name"]) {
        "the certificate is another host's: check the endpoint; a bucket's name with dots needs `--addressing-style path`"
    } else if mentions(&["certificate", "unknownissuer"]) && scheme == Scheme::S3 {
        "the certificate is of an authority that is not trusted here: name its file in AWS_CA_BUNDLE, or as `ca_bundle` in the profile"
    } else if mentions(&["certificate", "unknownissuer"]) {
        "the certificate is of an authority that is not trusted here: name its file in SSL_CERT_FILE"
    } else if mentions(&["dns", "lookup", "resolve"]) {
        "the host's name is not known here: check the endpoint, the region and the DNS of this machine"
    } else if mentions(&["nothing came", "timed out"]) {
        "the host takes requests and does not answer in time: is it overloaded, or the network on the way to it?"
    } else if mentions(&["proxy", "tunnel"]) {
        "check the proxy: HTTPS_PROXY, NO_PROXY"
    } else {
        "is the endpoint right, and reachable from here? A proxy is named by HTTPS_PROXY"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(status: u16, body: &str) -> Failure {
        Failure::of(StatusCode::from_u16(status).unwrap(), &HeaderMap::new(), body.as_bytes(), &Secrets::default())
    }

    fn told(status: u16, body: &str, action: Action) -> String {
        let bucket = Bucket { scheme: Scheme::S3, name: "logs".into(), account: None };
        Place { doing: "fetch", action, bucket: &bucket, key: "cf/E1.gz" }.refused(&failure(status, body)).to_string()
    }

    #[test]
    fn a_refusal_names_bucket_key_and_permission() {
        let body = "<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code><Message>Access Denied</Message><RequestId>x</RequestId></Error>";
        let text = told(403, body, Action::Get);
        assert!(text.starts_with("fetch: s3://logs/cf/E1.gz: cannot read it: access denied: the store answers 403 AccessDenied: Access Denied\nhint: "), "{text}");
        assert!(text.contains("`s3:GetObject` on `arn:aws:s3:::logs/cf/E1.gz`"), "{text}");
        assert!(told(403, "", Action::Put).contains("`s3:PutObject` on `arn:aws:s3:::logs/cf/E1.gz`"));
        assert!(told(403, "", Action::List).contains("`s3:ListBucket` on `arn:aws:s3:::logs`"));
    }

    #[test]
    fn what_an_operator_can_mend_is_said() {
        let code =
            |code: &str| format!("<Error><Code>{code}</Code><Message>m</Message><Region>eu-west-1</Region></Error>");
        for (status, name, says) in [
            (404, "NoSuchBucket", "no such bucket"),
            (400, "ExpiredToken", "have expired"),
            (403, "InvalidObjectState", "archived"),
            (403, "SignatureDoesNotMatch", "not known to this store"),
            (301, "PermanentRedirect", "`--region eu-west-1`"),
            (400, "AuthorizationHeaderMalformed", "is in region `eu-west-1`"),
            (503, "SlowDown", "overloaded"),
            (500, "InternalError", "500 InternalError"),
        ] {
            let text = told(status, &code(name), Action::Get);
            assert!(text.contains(says), "{name}: {text}");
        }
    }

    #[test]
    fn an_object_that_cannot_be_read_is_named_with_what_the_store_said() {
        let of = |status, code: &str, message: &str| {
            let body = format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>");
            let bucket = Bucket { scheme: Scheme::S3, name: "logs".into(), account: None };
            let place = Place { doing: "fetch", action: Action::Get, bucket: &bucket, key: "cf/E1.gz" };
            place.error_of_object(Some(&failure(status, &body)), &std::io::Error::other("refused"))
        };
        for (status, code, message, says) in [
            (
                403,
                "AccessDenied",
                "Access Denied",
                "access denied: the store answers 403 AccessDenied: Access Denied\nhint: it takes `s3:GetObject`",
            ),
            (
                403,
                "AccessDenied",
                "not authorized to perform: kms:Decrypt",
                "its encryption key cannot be used: the store answers 403 AccessDenied: not authorized to perform: kms:Decrypt\nhint: it takes `kms:Decrypt`",
            ),
            (
                400,
                "KMS.DisabledException",
                "arn:k is disabled.",
                "its encryption key cannot be used: the store answers 400 KMS.DisabledException: arn:k is disabled.",
            ),
            (
                403,
                "InvalidObjectState",
                "",
                "the store answers 403 InvalidObjectState\nhint: the object is archived (Glacier); restore it",
            ),
        ] {
            let error = of(status, code, message);
            assert!(error.is_unreadable(), "{code}");
            let text = error.to_string();
            assert!(text.starts_with(&format!("fetch: s3://logs/cf/E1.gz: cannot read it: {says}")), "{text}");
        }
        for (status, code) in
            [(403, "InvalidAccessKeyId"), (400, "ExpiredToken"), (404, "NoSuchBucket"), (500, "InternalError")]
        {
            assert!(!of(status, code, "m").is_unreadable(), "{code}");
        }
    }

    #[test]
    fn a_message_about_a_redirect_names_only_the_host() {
        let bucket = Bucket { scheme: Scheme::S3, name: "logs".into(), account: None };
        let place = Place { doing: "list", action: Action::List, bucket: &bucket, key: "" };
        let told = |status, location: &str| {
            let headers = HeaderMap::from_iter([(http::header::LOCATION, location.parse().unwrap())]);
            let status = StatusCode::from_u16(status).unwrap();
            place.refused(&Failure::of(status, &headers, b"", &Secrets::default())).to_string()
        };
        for status in [301, 302, 303, 307, 308] {
            let text = told(status, "http://user:hunter2@other.example.com:5061/logs?X-Amz-Signature=hunter2");
            assert!(text.contains("a redirect to `other.example.com:5061`, which is another host"), "{text}");
            assert!(text.contains("\nhint: ") && !text.contains("hunter2"), "{text}");
        }
        assert!(told(307, "/logs").contains("another region"));
    }

    #[test]
    fn what_an_answer_repeats_of_a_request_is_left_out() {
        let body = "<Error><Code>SignatureDoesNotMatch</Code><Message>no\u{1b}[31m match</Message><AWSAccessKeyId>AKIAHUNTER2</AWSAccessKeyId><StringToSign>hunter2</StringToSign></Error>";
        let text = told(403, body, Action::Get);
        assert!(!text.to_lowercase().contains("hunter2") && !text.contains('\u{1b}'), "{text}");
        assert!(!failure(500, "hunter2 <html>").to_string().contains("hunter2"));
    }
}
