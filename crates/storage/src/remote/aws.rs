//! What the AWS configuration says: environment, profiles, roles.

use aws_config::BehaviorVersion;
use aws_config::SdkConfig;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::timeout::TimeoutConfig;
use aws_runtime::env_config::file::EnvConfigFiles;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_types::os_shim_internal::{Env, Fs};
use aws_types::region::Region;
use aws_types::service_config::ServiceConfigKey;

use super::credentials::Credentials;
use super::settings::ConnectOptions;

/// What there is to know about AWS besides what was typed.
#[derive(Debug)]
pub(super) struct Aws {
    pub(super) credentials: Option<Credentials>,
    pub(super) region: Option<String>,
    pub(super) endpoint_url: Option<String>,
    /// The profile that was named, and that no file has.
    pub(super) missing_profile: Option<String>,
}

impl Aws {
    /// Reads it as the AWS CLI does; what was typed comes first. Asks nobody on the network yet.
    pub(super) async fn read(options: &ConnectOptions) -> Self {
        // The same TLS as everything else.
        let http =
            aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http.clone())
            .timeout_config(TimeoutConfig::builder().connect_timeout(super::connections::CONNECT_TIMEOUT).build());
        if let Some(profile) = &options.profile {
            // As with the AWS CLI, a profile that is named comes before credentials in the environment.
            let config = ProviderConfig::default().with_http_client(http);
            let of_profile = ProfileFileCredentialsProvider::builder().configure(&config).profile_name(profile).build();
            loader = loader.profile_name(profile).credentials_provider(of_profile);
        }
        if let Some(region) = &options.region {
            loader = loader.region(Region::new(region.clone()));
        }
        if options.no_sign_request {
            loader = loader.no_credentials();
        }
        let config = loader.load().await;
        let typed = options.endpoint_url.clone();
        Self {
            credentials: config.credentials_provider().map(Credentials::new),
            region: config.region().map(|region| region.as_ref().to_owned()),
            missing_profile: missing_profile(options.profile.clone()).await,
            endpoint_url: typed.or_else(|| s3_endpoint(&config)).or_else(|| config.endpoint_url().map(str::to_owned)),
        }
    }
}

/// `AWS_ENDPOINT_URL_S3`, or what a profile's services say.
fn s3_endpoint(config: &SdkConfig) -> Option<String> {
    let key =
        ServiceConfigKey::builder().service_id("s3").env("AWS_ENDPOINT_URL").profile("endpoint_url").build().ok()?;
    config.service_config()?.load_config(key)
}

/// The profile that was typed, or else that the environment names, if no file has it. The AWS CLI stops there, too.
async fn missing_profile(typed: Option<String>) -> Option<String> {
    let files = EnvConfigFiles::default();
    // A file that cannot be read is found by who asks it for credentials.
    let profiles = aws_config::profile::load(&Fs::real(), &Env::real(), &files, typed.map(Into::into)).await.ok()?;
    let name = profiles.selected_profile();
    (name != "default" && profiles.get_profile(name).is_none()).then(|| name.to_owned())
}
