//! AWS credentials as the AWS CLI finds them, renewed before they run out.
//!
//! **Invariant.** No credential is shown: errors tell only which kind of thing went wrong.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};
use object_store::aws::AwsCredential;

use super::no_result::{NoSignature, causes};
use super::settings::flaw_of;
use crate::error::{CredentialsFlaw, SettingFlaw};
use crate::printable::printable_name;

/// Credentials that expire sooner than this are renewed: longer than any request takes.
const RENEW_BEFORE: Duration = Duration::from_mins(5);
/// Credentials that are about to expire are requested again after this, so that a slow provider is not asked for each
/// request.
const HOLD_AT_LEAST: Duration = Duration::from_secs(10);
/// Credentials without a known expiry are requested again after this.
const ASK_AGAIN_AFTER: Duration = Duration::from_hours(1);

/// Longest wait for credentials: a credential process may ask a person for a code.
const MAX_WAIT: Duration = Duration::from_mins(2);

/// The credentials of one configuration; clones share them.
#[derive(Clone)]
pub(super) struct Credentials {
    provider: SharedCredentialsProvider,
    held: Arc<Mutex<Option<Held>>>,
    /// Locked while they are renewed, so that hundreds of requests ask once.
    renewing: Arc<tokio::sync::Mutex<()>>,
    login: Arc<Login>,
}

/// The way to get new credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Login {
    /// Not by logging in.
    None,
    /// `aws login`, with the console's password.
    Console {
        /// The profile's name, escaped.
        profile: String,
    },
    /// `aws sso login`.
    SingleSignOn {
        /// The profile's name, escaped.
        profile: String,
    },
}

#[derive(Clone)]
struct Held {
    credential: Arc<AwsCredential>,
    renew_at: SystemTime,
    ends_at: Option<SystemTime>,
}

impl Credentials {
    pub(super) fn new(provider: SharedCredentialsProvider, login: Login) -> Self {
        Self { provider, held: Arc::default(), renewing: Arc::default(), login: Arc::new(login) }
    }

    /// Returns credentials that are valid now.
    pub(super) async fn current(&self) -> Result<Arc<AwsCredential>, NoSignature> {
        if let Some(held) = self.held().filter(|held| held.renew_at > now()) {
            return Ok(held.credential);
        }
        let _renewing = self.renewing.lock().await;
        let held = self.held();
        if let Some(held) = held.as_ref().filter(|held| held.renew_at > now()) {
            return Ok(Arc::clone(&held.credential));
        }
        let asked = tokio::time::timeout(MAX_WAIT, self.provider.provide_credentials()).await;
        match asked.unwrap_or_else(|_| Err(CredentialsError::provider_timed_out(MAX_WAIT))) {
            Ok(credentials) => {
                let credential = Arc::new(usable(&credentials)?);
                let ends_at = credentials.expiry();
                let renew_at = match ends_at {
                    None => now() + ASK_AGAIN_AFTER,
                    // Some providers return credentials that are about to expire: they are used while they are valid, and
                    // requested again soon.
                    Some(end) => {
                        (end - RENEW_BEFORE).max(now() + HOLD_AT_LEAST).min(end.max(now() + Duration::from_secs(1)))
                    }
                };
                self.set(Some(Held { credential: Arc::clone(&credential), renew_at, ends_at }));
                Ok(credential)
            }
            // The old ones may be valid for a while.
            Err(error) => match held.filter(|held| held.ends_at.is_none_or(|end| end > now())) {
                Some(held) => Ok(held.credential),
                None => Err(NoSignature(explained(&error, &self.login))),
            },
        }
    }

    /// Returns the credentials that were used last, even if they have expired.
    pub(super) fn known(&self) -> Option<Arc<AwsCredential>> {
        self.held().map(|held| held.credential)
    }

    /// Discards the credentials, as the store says that they have expired.
    pub(super) fn forget(&self) {
        self.set(None);
    }

    fn held(&self) -> Option<Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, held: Option<Held>) {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = held;
    }
}

/// Returns credentials as they are sent: trimmed, as no key or token begins or ends with a blank.
fn usable(credentials: &aws_credential_types::Credentials) -> Result<AwsCredential, NoSignature> {
    let checked = |part, text: &str| match flaw_of_credential(text.trim()) {
        Some(flaw) => Err(NoSignature(CredentialsFlaw::Invalid { part, flaw })),
        None => Ok(text.trim().to_owned()),
    };
    let token = credentials.session_token().filter(|token| !token.trim().is_empty());
    Ok(AwsCredential {
        key_id: checked("access key id", credentials.access_key_id())?,
        secret_key: checked("secret access key", credentials.secret_access_key())?,
        token: token.map(|token| checked("session token", token)).transpose()?,
    })
}

/// Returns why a text cannot be a key or a token; `None` if it can.
pub(super) fn flaw_of_credential(text: &str) -> Option<SettingFlaw> {
    flaw_of(text).or_else(|| text.contains(' ').then_some(SettingFlaw::Blank))
}

#[expect(
    clippy::disallowed_methods,
    reason = "credentials end by the clock on the wall; nothing that is stored depends on it"
)]
fn now() -> SystemTime {
    SystemTime::now()
}

/// Not the credentials.
impl fmt::Debug for Credentials {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Credentials")
    }
}

/// Returns which kind of thing went wrong. The causes themselves may repeat texts of files and services, secrets included;
/// errors of the network have none.
fn explained(error: &CredentialsError, login: &Login) -> CredentialsFlaw {
    if let CredentialsError::CredentialsNotLoaded(_) = error {
        return CredentialsFlaw::NotFound;
    }
    if let Some(said) = of_network(error) {
        return CredentialsFlaw::Network { said };
    }
    match (login, error) {
        (Login::Console { profile }, _) => CredentialsFlaw::ConsoleSession { profile: profile.clone() },
        (Login::SingleSignOn { profile }, _) => CredentialsFlaw::SsoSession { profile: profile.clone() },
        (Login::None, CredentialsError::ProviderTimedOut(_)) => CredentialsFlaw::TimedOut,
        (Login::None, CredentialsError::InvalidConfiguration(_)) => CredentialsFlaw::BadConfiguration,
        (Login::None, CredentialsError::ProviderError(_)) => CredentialsFlaw::Refused,
        (Login::None, _) => CredentialsFlaw::NotLoaded,
    }
}

/// Returns the network's error, if the network failed. Files fail with other kinds.
fn of_network(error: &CredentialsError) -> Option<String> {
    let is_of_file = |kind| {
        [
            io::ErrorKind::NotFound,
            io::ErrorKind::PermissionDenied,
            io::ErrorKind::NotADirectory,
            io::ErrorKind::IsADirectory,
        ]
        .contains(&kind)
    };
    let failed: Vec<String> = causes(error)
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .filter(|error| !is_of_file(error.kind()))
        .map(ToString::to_string)
        .collect();
    // The innermost cause says most.
    failed.last().map(|said| printable_name(said))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_told_apart_by_how_credentials_are_obtained() {
        let refused = || CredentialsError::provider_error("hunter2");
        let profile = || "prod".to_owned();
        let console = Login::Console { profile: profile() };
        let sso = Login::SingleSignOn { profile: profile() };
        let absent = CredentialsError::unhandled(io::Error::from(io::ErrorKind::NotFound));
        let away = CredentialsError::provider_error(io::Error::from(io::ErrorKind::ConnectionRefused));
        let network = || CredentialsFlaw::Network { said: "connection refused".into() };
        for (error, login, flaw) in [
            (&refused(), &console, CredentialsFlaw::ConsoleSession { profile: profile() }),
            (&absent, &console, CredentialsFlaw::ConsoleSession { profile: profile() }),
            (&refused(), &sso, CredentialsFlaw::SsoSession { profile: profile() }),
            (&refused(), &Login::None, CredentialsFlaw::Refused),
            (&away, &console, network()),
            (&away, &Login::None, network()),
            (&CredentialsError::not_loaded("hunter2"), &console, CredentialsFlaw::NotFound),
        ] {
            let explained = explained(error, login);
            assert!(!explained.to_string().contains("hunter2"), "{explained}");
            assert_eq!(explained, flaw);
        }
    }

    #[test]
    fn credentials_are_trimmed_and_invalid_ones_are_reported_without_their_value() {
        let of = |key: &str, secret: &str, token: Option<&str>| {
            usable(&aws_credential_types::Credentials::new(key, secret, token.map(str::to_owned), None, "test"))
        };
        let credential = of("AKID\n", " secret\r\n", Some("token\t")).unwrap();
        assert_eq!((&*credential.key_id, &*credential.secret_key), ("AKID", "secret"));
        assert_eq!(credential.token.as_deref(), Some("token"));
        assert_eq!(of("AKID", "secret", Some(" \n")).unwrap().token, None);
        for (key, secret, token, says) in [
            ("hunter2\nx", "secret", None, "the access key id of the AWS credentials has a line break in it"),
            ("hunter 2", "secret", None, "the access key id of the AWS credentials has a blank in it"),
            ("AKID", "hunter2\0x", None, "the secret access key of the AWS credentials has a control character"),
            (
                "AKID",
                "secret",
                Some("hunter2\u{7f}x"),
                "the session token of the AWS credentials has a control character",
            ),
            ("AKID", "secret", Some("hünter2"), "the session token of the AWS credentials has a character that is not"),
        ] {
            let text = of(key, secret, token).unwrap_err().to_string();
            assert!(text.starts_with(says) && !text.contains("unter"), "{text}");
        }
    }
}
