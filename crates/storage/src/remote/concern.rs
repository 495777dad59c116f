//! Refused reads: those that concern one object, and those that concern this process.
//!
//! An ACL, a key and a tier concern one object: others can still be read. Credentials, accounts, buckets, networks and
//! overload concern this process. A 403 without a code is taken to concern the object: a caller that reads many objects
//! notices if all are refused.

use http::StatusCode;

use super::failure::Failure;

/// The scope of a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Concern {
    /// This object; others may be readable.
    Object,
    /// This process, or the bucket: it is the same for all objects.
    Process,
}

/// Why the store does not return one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hindrance {
    /// The key that it is encrypted with cannot be used.
    Key,
    /// It is encrypted with a key that is sent with each request.
    OwnKey,
    /// It has to be restored before it can be read.
    Archived,
    /// A permission is missing.
    Denied,
}

/// Codes about the credentials and the clock of this process.
const OF_CREDENTIALS: &[&str] = &[
    // S3 and compatible stores
    "AccessKeyIdNotFound",
    "AuthFailure",
    "AuthorizationHeaderMalformed",
    "AuthorizationQueryParametersError",
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSecurity",
    "InvalidToken",
    "InvalidTokenId",
    "MissingAuthenticationToken",
    "MissingSecurityElement",
    "MissingSecurityHeader",
    "RequestExpired",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
    "TokenRefreshRequired",
    "UnrecognizedClientException",
    // Azure
    "AuthenticationFailed",
    "InvalidAuthenticationInfo",
    "NoAuthenticationInformation",
    // Google
    "AuthenticationRequired",
    "CredentialsNotSupported",
];

/// Codes about an account, a project, a network or a bucket.
const OF_ACCOUNT: &[&str] = &[
    // S3 and compatible stores
    "AccountProblem",
    "AllAccessDisabled",
    "IllegalLocationConstraintException",
    "InvalidPayer",
    "NoSuchBucket",
    "NotSignedUp",
    "OptInRequired",
    "PermanentRedirect",
    "TemporaryRedirect",
    "UnauthorizedAccess",
    "UserSuspended",
    // Azure: a firewall or the scope of a signature concerns all objects
    "AccountIsDisabled",
    "AuthorizationFailure",
    "AuthorizationProtocolMismatch",
    "AuthorizationResourceTypeMismatch",
    "AuthorizationServiceMismatch",
    "AuthorizationSourceIPMismatch",
    "ContainerBeingDeleted",
    "ContainerDisabled",
    "ContainerNotFound",
    "InsufficientAccountPermissions",
    "PublicAccessNotPermitted",
    // Google
    "AccountDisabled",
    "BillingDisabled",
    "CountryBlocked",
    "SecurityPolicyViolated",
    "UserProjectAccessDenied",
    "UserProjectAccountProblem",
    "UserProjectInconsistent",
    "UserProjectInvalid",
    "UserProjectMissing",
];

/// Codes of overload, some of them with status 400 or 403.
const OF_OVERLOAD: &[&str] = &[
    "BandwidthLimitExceeded",
    "KMS.LimitExceededException",
    "KMS.RequestLimitExceeded",
    "KMS.ThrottlingException",
    "RateLimitExceeded",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "RequestTimeout",
    "ServerBusy",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequests",
    "TooManyRequestsException",
    "UserRateLimitExceeded",
];

/// Codes about one object.
const OF_OBJECT: &[(&str, Hindrance)] = &[
    ("AccessDenied", Hindrance::Denied),
    ("AuthorizationPermissionMismatch", Hindrance::Denied),
    ("BlobArchived", Hindrance::Archived),
    ("BlobBeingRehydrated", Hindrance::Archived),
    ("BlobUsesCustomerSpecifiedEncryption", Hindrance::OwnKey),
    ("Forbidden", Hindrance::Denied),
    ("InsufficientPermissions", Hindrance::Denied),
    ("InvalidObjectState", Hindrance::Archived),
    ("KeyVaultAccessTokenCannotBeAcquired", Hindrance::Key),
    ("KeyVaultEncryptionKeyNotFound", Hindrance::Key),
    ("KeyVaultVaultNotFound", Hindrance::Key),
    ("ResourceIsEncryptedWithCustomerEncryptionKey", Hindrance::OwnKey),
];

impl Failure {
    /// Returns whether the store is overloaded: it may answer later.
    pub(super) fn is_overload(&self) -> bool {
        OF_OVERLOAD.contains(&self.code.as_str())
    }

    /// Returns the scope of a refused read.
    pub(super) fn concern(&self) -> Concern {
        if self.hindrance().is_some() { Concern::Object } else { Concern::Process }
    }

    /// Returns why the store does not return this one object; `None` if the refusal concerns this process.
    pub(super) fn hindrance(&self) -> Option<Hindrance> {
        let code = self.code.as_str();
        let is_of_process = [OF_CREDENTIALS, OF_ACCOUNT, OF_OVERLOAD].iter().any(|codes| codes.contains(&code));
        if is_of_process || !self.status.is_client_error() {
            return None;
        }
        if [StatusCode::UNAUTHORIZED, StatusCode::TOO_MANY_REQUESTS, StatusCode::REQUEST_TIMEOUT].contains(&self.status)
        {
            return None;
        }
        // `KMS.DisabledException`, `CloudKmsDisabledKey`
        if code.starts_with("KMS.") || code.to_ascii_lowercase().starts_with("cloudkms") {
            return Some(Hindrance::Key);
        }
        let known = OF_OBJECT.iter().find(|(known, _)| *known == code).map(|(_, hindrance)| *hindrance);
        match (known, self.status) {
            // S3 answers AccessDenied if the role may not use the key.
            (Some(Hindrance::Denied), _) if self.mentions("kms:") || self.mentions("cloudkms") => Some(Hindrance::Key),
            (Some(hindrance), _) => Some(hindrance),
            (None, StatusCode::FORBIDDEN | StatusCode::UNAVAILABLE_FOR_LEGAL_REASONS) => Some(Hindrance::Denied),
            // "The object was stored using a form of Server Side Encryption. The correct parameters must be provided ..."
            (None, StatusCode::BAD_REQUEST) if self.mentions("server side encryption") => Some(Hindrance::OwnKey),
            (None, _) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remote::secrets::Secrets;
    use http::HeaderMap;

    fn failure(status: u16, code: &str, message: &str) -> Failure {
        let body = format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>");
        Failure::of(StatusCode::from_u16(status).unwrap(), &HeaderMap::new(), body.as_bytes(), &Secrets::default())
    }

    #[test]
    fn a_refusal_about_one_object_concerns_that_object() {
        let own_key = "The object was stored using a form of Server Side Encryption. The correct parameters must be provided to retrieve the object.";
        let kms = "User: arn:aws:sts::1:role/r is not authorized to perform: kms:Decrypt on the resource";
        for (status, code, message, hindrance) in [
            (403, "AccessDenied", "Access Denied", Hindrance::Denied),
            (403, "AccessDenied", kms, Hindrance::Key),
            (403, "Forbidden", "", Hindrance::Denied),
            (403, "InsufficientPermissions", "", Hindrance::Denied),
            (403, "AuthorizationPermissionMismatch", "", Hindrance::Denied),
            (403, "InvalidObjectState", "", Hindrance::Archived),
            (409, "BlobArchived", "", Hindrance::Archived),
            (409, "BlobBeingRehydrated", "", Hindrance::Archived),
            (409, "BlobUsesCustomerSpecifiedEncryption", "", Hindrance::OwnKey),
            (400, "ResourceIsEncryptedWithCustomerEncryptionKey", "", Hindrance::OwnKey),
            (400, "InvalidRequest", own_key, Hindrance::OwnKey),
            (400, "KMS.DisabledException", "", Hindrance::Key),
            (400, "KMS.NotFoundException", "", Hindrance::Key),
            (400, "KMS.KMSInvalidStateException", "", Hindrance::Key),
            (400, "KMS.InvalidKeyUsageException", "", Hindrance::Key),
            (403, "CloudKmsDisabledKey", "", Hindrance::Key),
            (400, "CloudKmsDecryptionKeyNotFound", "", Hindrance::Key),
            (403, "KeyVaultEncryptionKeyNotFound", "", Hindrance::Key),
            (403, "KeyVaultAccessTokenCannotBeAcquired", "", Hindrance::Key),
            (403, "KeyVaultVaultNotFound", "", Hindrance::Key),
            // Nothing is said, or nothing that is known.
            (403, "", "", Hindrance::Denied),
            (403, "SomethingNew", "", Hindrance::Denied),
            (451, "", "", Hindrance::Denied),
        ] {
            let failure = failure(status, code, message);
            assert_eq!(failure.hindrance(), Some(hindrance), "{status} {code}");
            assert_eq!(failure.concern(), Concern::Object, "{status} {code}");
        }
    }

    #[test]
    fn a_refusal_that_concerns_the_process_stops_the_run() {
        for code in [OF_CREDENTIALS, OF_ACCOUNT, OF_OVERLOAD].concat() {
            for status in [400, 403, 404, 409] {
                assert_eq!(failure(status, code, "").concern(), Concern::Process, "{status} {code}");
            }
        }
        for (status, code) in [
            (401, ""),
            (401, "AccessDenied"),
            (404, "NoSuchBucket"),
            (400, "InvalidRequest"),
            (400, "SomethingNew"),
            (405, "MethodNotAllowed"),
            (407, ""),
            (408, "RequestTimeout"),
            (429, "TooManyRequests"),
            (500, "KMS.InternalException"),
            (503, "KMS.DependencyTimeoutException"),
            (500, "InternalError"),
            (503, "SlowDown"),
            (301, "PermanentRedirect"),
        ] {
            assert_eq!(failure(status, code, "").concern(), Concern::Process, "{status} {code}");
        }
    }

    #[test]
    fn no_code_is_in_two_lists() {
        let mut codes = [OF_CREDENTIALS, OF_ACCOUNT, OF_OVERLOAD].concat();
        codes.extend(OF_OBJECT.iter().map(|(code, _)| code));
        let count = codes.len();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), count);
    }
}
