//! AWS credentials as the AWS CLI finds them, renewed before they run out.
//!
//! **Invariant.** A credential is shown to nobody: what comes out of here in words is which kind of thing went wrong.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};
use object_store::aws::AwsCredential;

use super::wire::NoSignature;

/// Credentials that run out sooner than this are renewed: longer than any request takes.
const RENEW_BEFORE: Duration = Duration::from_mins(5);
/// What is about to end is asked for again after this, so that a slow provider is not asked for each request.
const HOLD_AT_LEAST: Duration = Duration::from_secs(10);
/// Where the provider does not say when they run out, it is asked again after this.
const ASK_AGAIN_AFTER: Duration = Duration::from_hours(1);

/// The credentials of one configuration; clones share them.
#[derive(Clone)]
pub(super) struct Credentials {
    provider: SharedCredentialsProvider,
    held: Arc<Mutex<Option<Held>>>,
    /// Held while they are renewed, so that hundreds of requests ask once.
    renewing: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Clone)]
struct Held {
    credential: Arc<AwsCredential>,
    renew_at: SystemTime,
    ends_at: Option<SystemTime>,
}

impl Credentials {
    pub(super) fn new(provider: SharedCredentialsProvider) -> Self {
        Self { provider, held: Arc::default(), renewing: Arc::default() }
    }

    /// Credentials that hold now.
    pub(super) async fn current(&self) -> Result<Arc<AwsCredential>, NoSignature> {
        if let Some(held) = self.held().filter(|held| held.renew_at > now()) {
            return Ok(held.credential);
        }
        let _renewing = self.renewing.lock().await;
        let held = self.held();
        if let Some(held) = held.as_ref().filter(|held| held.renew_at > now()) {
            return Ok(Arc::clone(&held.credential));
        }
        match self.provider.provide_credentials().await {
            Ok(credentials) => {
                let credential = Arc::new(AwsCredential {
                    key_id: credentials.access_key_id().to_owned(),
                    secret_key: credentials.secret_access_key().to_owned(),
                    token: credentials.session_token().map(str::to_owned),
                });
                let ends_at = credentials.expiry();
                let renew_at = match ends_at {
                    None => now() + ASK_AGAIN_AFTER,
                    // Some providers hand out what is about to end: it is used as long as it holds, and asked for again soon.
                    Some(end) => {
                        (end - RENEW_BEFORE).max(now() + HOLD_AT_LEAST).min(end.max(now() + Duration::from_secs(1)))
                    }
                };
                self.set(Some(Held { credential: Arc::clone(&credential), renew_at, ends_at }));
                Ok(credential)
            }
            // What is held may do a while longer.
            Err(error) => match held.filter(|held| held.ends_at.is_none_or(|end| end > now())) {
                Some(held) => Ok(held.credential),
                None => Err(NoSignature(explained(&error).into())),
            },
        }
    }

    /// The store says that they ran out.
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

#[expect(
    clippy::disallowed_methods,
    reason = "credentials end by the clock on the wall; nothing of the table depends on it"
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

/// Which kind of thing went wrong. The causes themselves may repeat what files and services say, secrets included.
fn explained(error: &CredentialsError) -> &'static str {
    match error {
        CredentialsError::CredentialsNotLoaded(_) => {
            "no AWS credentials were found\nhint: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, name a --profile, or run where a role is attached; --no-sign-request reads public buckets without"
        }
        CredentialsError::ProviderTimedOut(_) => {
            "the AWS credentials did not come in time\nhint: is the metadata or token service reachable from here?"
        }
        CredentialsError::InvalidConfiguration(_) => {
            "the AWS configuration is not valid\nhint: check ~/.aws/config, ~/.aws/credentials, --profile and the AWS_ variables; `aws sts get-caller-identity` says more"
        }
        CredentialsError::ProviderError(_) => {
            "the AWS credentials were refused by the service that gives them\nhint: log in again (`aws sso login`) or check the role; `aws sts get-caller-identity` says more"
        }
        CredentialsError::Unhandled(_) | _ => {
            "the AWS credentials could not be loaded\nhint: `aws sts get-caller-identity` says more"
        }
    }
}
