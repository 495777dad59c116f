//! The context of a request to a store, which makes an error of a refusal or of a missing answer.

use http::StatusCode;

use super::bucket::Bucket;
use super::concern::{Concern, Hindrance};
use super::failure::Failure;
use super::no_result::{NoAnswer, NoSignature, causes};
use crate::Error;
use crate::error::{NetworkFlaw, Operation, Permission, Refusal, Request, RequestFlaw, UnreadableCause};
use crate::printable::printable_name;
use crate::scheme::Scheme;

/// A request, and the bucket and key that it is about.
#[derive(Clone, Copy, Debug)]
pub(super) struct RequestContext<'p> {
    pub(super) doing: Operation,
    pub(super) request: Request,
    pub(super) bucket: &'p Bucket,
    pub(super) key: &'p str,
}

impl RequestContext<'_> {
    fn location(&self) -> String {
        if self.key.is_empty() { self.bucket.to_string() } else { self.bucket.location(self.key) }
    }

    /// Returns the error of a request that had no result.
    pub(super) fn failed(&self, flaw: RequestFlaw) -> Error {
        Error::Remote { doing: self.doing, request: self.request, location: self.location(), flaw }
    }

    /// Returns the error of a failed request: the store's refusal, or the transport's error if no store answered.
    pub(super) fn error(&self, failure: Option<&Failure>, error: &(dyn std::error::Error + 'static)) -> Error {
        match failure {
            Some(failure) => self.refused(failure),
            None => self.unanswered(error),
        }
    }

    /// Returns the error of a failed read of a listed object: it may concern this object alone.
    pub(super) fn error_of_object(
        &self,
        failure: Option<&Failure>,
        error: &(dyn std::error::Error + 'static),
    ) -> Error {
        match failure.filter(|failure| failure.concern() == Concern::Object) {
            Some(failure) => {
                let cause = UnreadableCause::Refused(Box::new(self.refusal(failure)));
                Error::Unreadable { doing: self.doing, location: self.location(), cause }
            }
            None => self.error(failure, error),
        }
    }

    /// Returns the error of a refused request.
    fn refused(&self, failure: &Failure) -> Error {
        if failure.is_missing_bucket() {
            let bucket = self.bucket.to_string();
            return Error::NoBucket { doing: self.doing, bucket, location: self.location() };
        }
        self.failed(RequestFlaw::Refused(Box::new(self.refusal(failure))))
    }

    /// Returns what a refusal means.
    fn refusal(&self, failure: &Failure) -> Refusal {
        if self.request == Request::Get
            && let Some(hindrance) = failure.hindrance()
        {
            return self.hindered(failure, hindrance);
        }
        let answer = failure.answer();
        match (failure.code.as_str(), failure.status) {
            _ if failure.is_expired() => Refusal::Expired(answer),
            ("InvalidAccessKeyId" | "SignatureDoesNotMatch" | "InvalidToken" | "AuthFailure", _) => {
                Refusal::UnknownCredentials(answer)
            }
            ("RequestTimeTooSkewed", _) => Refusal::ClockSkewed(answer),
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
                Refusal::Overloaded(answer)
            }
            _ if failure.is_denied() => self.denied(failure),
            _ => Refusal::Other(answer),
        }
    }

    /// Returns the refusal for a bucket in another region, or at another host.
    fn elsewhere(&self, failure: &Failure) -> Refusal {
        let (answer, bucket) = (failure.answer(), self.bucket.name.clone());
        match (&failure.region, &failure.host) {
            (Some(region), _) => Refusal::OtherRegion { bucket, region: region.clone() },
            (None, Some(host)) => Refusal::Redirect { answer, host: host.clone() },
            (None, None) => Refusal::UnknownRegion { answer, bucket },
        }
    }

    fn denied(&self, failure: &Failure) -> Refusal {
        let permission = Permission {
            request: self.request,
            store: self.bucket.scheme,
            bucket: self.bucket.name.clone(),
            key: printable_name(self.key),
        };
        Refusal::Denied { answer: failure.answer(), permission }
    }

    /// Returns the refusal that concerns one object.
    fn hindered(&self, failure: &Failure, hindrance: Hindrance) -> Refusal {
        let (answer, store) = (failure.answer(), self.bucket.scheme);
        match hindrance {
            Hindrance::Denied => self.denied(failure),
            Hindrance::Key => Refusal::Key { answer, store },
            Hindrance::OwnKey => Refusal::OwnKey(answer),
            Hindrance::Archived => Refusal::Archived { answer, store },
        }
    }

    /// Returns the error of a request that no store answered.
    fn unanswered(&self, error: &(dyn std::error::Error + 'static)) -> Error {
        let mut from = None;
        let mut innermost = error;
        for cause in causes(error) {
            if let Some(NoSignature(flaw)) = cause.downcast_ref() {
                return self.failed(RequestFlaw::Unsigned(flaw.clone()));
            }
            if let Some(NoAnswer { host, .. }) = cause.downcast_ref() {
                from = Some(printable_name(host));
            }
            innermost = cause;
        }
        // The innermost cause says what happened; those around it repeat URLs.
        let said = printable_name(&innermost.to_string());
        let kind = network_flaw(&said, self.bucket.scheme);
        self.failed(RequestFlaw::NoAnswer { host: from, said, kind })
    }
}

/// Returns what the words of the transport mean: it has no types for it.
fn network_flaw(said: &str, scheme: Scheme) -> NetworkFlaw {
    let said = said.to_ascii_lowercase();
    let mentions = |words: &[&str]| words.iter().any(|word| said.contains(word));
    if mentions(&["notvalidforname", "not valid for name"]) {
        NetworkFlaw::OtherHostsCertificate
    } else if mentions(&["certificate", "unknownissuer"]) {
        NetworkFlaw::UntrustedAuthority(scheme)
    } else if mentions(&["dns", "lookup", "resolve"]) {
        NetworkFlaw::UnknownHost
    } else if mentions(&["nothing came", "timed out"]) {
        NetworkFlaw::Silent
    } else if mentions(&["proxy", "tunnel"]) {
        NetworkFlaw::Proxy
    } else {
        NetworkFlaw::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Answer;
    use crate::remote::secrets::Secrets;
    use http::HeaderMap;

    fn failure(status: u16, body: &str) -> Failure {
        Failure::of(StatusCode::from_u16(status).unwrap(), &HeaderMap::new(), body.as_bytes(), &Secrets::default())
    }

    fn told(status: u16, body: &str, request: Request) -> Error {
        let bucket = Bucket { scheme: Scheme::S3, name: "logs".into(), account: None };
        let place = RequestContext { doing: Operation::Fetch, request, bucket: &bucket, key: "cf/E1.gz" };
        place.refused(&failure(status, body))
    }

    fn refusal(error: Error) -> Refusal {
        let Error::Remote { flaw: RequestFlaw::Refused(refusal), .. } = error else { panic!("{error}") };
        *refusal
    }

    #[test]
    fn a_refusal_names_the_missing_permission() {
        let body = "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>";
        let error = told(403, body, Request::Get);
        assert_eq!(
            error.to_string(),
            "fetch: s3://logs/cf/E1.gz: cannot read it: access denied: the store answers 403 AccessDenied: Access Denied"
        );
        for request in [Request::Get, Request::Put, Request::List] {
            let permission = Permission { request, store: Scheme::S3, bucket: "logs".into(), key: "cf/E1.gz".into() };
            let refusal = refusal(told(403, "", request));
            assert!(
                matches!(&refusal, Refusal::Denied { permission: needed, .. } if *needed == permission),
                "{refusal}"
            );
        }
    }

    #[test]
    fn a_refusal_has_the_meaning_of_its_code() {
        let code =
            |code: &str| format!("<Error><Code>{code}</Code><Message>m</Message><Region>eu-west-1</Region></Error>");
        let other_region = Refusal::OtherRegion { bucket: "logs".into(), region: "eu-west-1".into() };
        for (status, name, meaning) in [
            (400, "ExpiredToken", Refusal::Expired as fn(Answer) -> Refusal),
            (403, "SignatureDoesNotMatch", Refusal::UnknownCredentials),
            (403, "RequestTimeTooSkewed", Refusal::ClockSkewed),
            (403, "InvalidObjectState", |answer| Refusal::Archived { answer, store: Scheme::S3 }),
            (301, "PermanentRedirect", |_| Refusal::OtherRegion { bucket: "logs".into(), region: "eu-west-1".into() }),
            (503, "SlowDown", Refusal::Overloaded),
            (500, "InternalError", Refusal::Other),
        ] {
            let answer = failure(status, &code(name)).answer();
            assert_eq!(refusal(told(status, &code(name), Request::Get)), meaning(answer), "{name}");
        }
        assert_eq!(refusal(told(400, &code("AuthorizationHeaderMalformed"), Request::Get)), other_region);
        assert!(matches!(told(404, &code("NoSuchBucket"), Request::Get), Error::NoBucket { .. }));
    }

    #[test]
    fn an_object_that_cannot_be_read_is_named_with_what_the_store_said() {
        let of = |status, code: &str, message: &str| {
            let body = format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>");
            let bucket = Bucket { scheme: Scheme::S3, name: "logs".into(), account: None };
            let place =
                RequestContext { doing: Operation::Fetch, request: Request::Get, bucket: &bucket, key: "cf/E1.gz" };
            place.error_of_object(Some(&failure(status, &body)), &std::io::Error::other("refused"))
        };
        for (status, code, message, says) in [
            (403, "AccessDenied", "Access Denied", "access denied: the store answers 403 AccessDenied: Access Denied"),
            (
                403,
                "AccessDenied",
                "not authorized to perform: kms:Decrypt",
                "its encryption key cannot be used: the store answers 403 AccessDenied: not authorized to perform: kms:Decrypt",
            ),
            (
                400,
                "KMS.DisabledException",
                "arn:k is disabled.",
                "its encryption key cannot be used: the store answers 400 KMS.DisabledException: arn:k is disabled.",
            ),
            (403, "InvalidObjectState", "", "the store answers 403 InvalidObjectState"),
        ] {
            let error = of(status, code, message);
            assert!(error.is_unreadable(), "{code}");
            assert_eq!(error.to_string(), format!("fetch: s3://logs/cf/E1.gz: cannot read it: {says}"));
        }
        for (status, code) in
            [(403, "InvalidAccessKeyId"), (400, "ExpiredToken"), (404, "NoSuchBucket"), (500, "InternalError")]
        {
            assert!(!of(status, code, "m").is_unreadable(), "{code}");
        }
    }

    #[test]
    fn the_words_of_the_transport_are_understood() {
        for (said, kind) in [
            ("invalid peer certificate: NotValidForName", NetworkFlaw::OtherHostsCertificate),
            ("invalid peer certificate: UnknownIssuer", NetworkFlaw::UntrustedAuthority(Scheme::S3)),
            ("failed to lookup address information", NetworkFlaw::UnknownHost),
            ("nothing came for 30 s", NetworkFlaw::Silent),
            ("tunnel error: unsuccessful", NetworkFlaw::Proxy),
            ("Connection refused (os error 111)", NetworkFlaw::Other),
        ] {
            assert_eq!(network_flaw(said, Scheme::S3), kind, "{said}");
        }
    }

    #[test]
    fn a_message_about_a_redirect_names_only_the_host() {
        let bucket = Bucket { scheme: Scheme::S3, name: "logs".into(), account: None };
        let place = RequestContext { doing: Operation::List, request: Request::List, bucket: &bucket, key: "" };
        let told = |status, location: &str| {
            let headers = HeaderMap::from_iter([(http::header::LOCATION, location.parse().unwrap())]);
            let status = StatusCode::from_u16(status).unwrap();
            place.refused(&Failure::of(status, &headers, b"", &Secrets::default())).to_string()
        };
        for status in [301, 302, 303, 307, 308] {
            let text = told(status, "http://user:hunter2@other.example.com:5061/logs?X-Amz-Signature=hunter2");
            assert!(text.contains("a redirect to `other.example.com:5061`, which is another host"), "{text}");
            assert!(!text.contains("hunter2"), "{text}");
        }
        assert!(!told(307, "/logs").contains("redirect to"));
    }

    #[test]
    fn an_answer_that_repeats_the_request_is_shown_without_it() {
        let body = "<Error><Code>SignatureDoesNotMatch</Code><Message>no\u{1b}[31m match</Message><AWSAccessKeyId>AKIAHUNTER2</AWSAccessKeyId><StringToSign>hunter2</StringToSign></Error>";
        let text = told(403, body, Request::Get).to_string();
        assert!(!text.to_lowercase().contains("hunter2") && !text.contains('\u{1b}'), "{text}");
        assert!(!failure(500, "hunter2 <html>").to_string().contains("hunter2"));
    }
}
