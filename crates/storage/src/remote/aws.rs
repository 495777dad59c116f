//! What the AWS configuration says: environment, profiles, roles.

use aws_config::BehaviorVersion;
use aws_config::SdkConfig;
use aws_config::profile::{ProfileFileCredentialsProvider, ProfileSet};
use aws_config::provider_config::ProviderConfig;
use aws_config::timeout::TimeoutConfig;
use aws_runtime::env_config::file::EnvConfigFiles;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{Provider, TlsContext, rustls_provider::CryptoMode};
use aws_smithy_http_client::{Builder, Connector};
use aws_types::os_shim_internal::{Env, Fs};
use aws_types::region::Region;
use aws_types::service_config::ServiceConfigKey;

use super::credentials::{Credentials, Login};
use super::settings::ConnectOptions;
use super::trust::{Trust, expanded};
use crate::Error;
use crate::uri::printable_name;

/// What there is to know about AWS besides what was typed.
#[derive(Debug)]
pub(super) struct Aws {
    pub(super) credentials: Option<Credentials>,
    pub(super) region: Option<String>,
    pub(super) endpoint_url: Option<String>,
    pub(super) trust: Trust,
}

impl Aws {
    /// Reads it as the AWS CLI does; what was typed comes first. Asks nobody on the network yet.
    ///
    /// # Errors
    ///
    /// [`Error::NoProfile`]: no file has the profile that was named, in words or by the environment. The AWS CLI stops
    /// there, too. [`Error::CaBundle`]: the file of certificates cannot be used.
    pub(super) async fn read(options: &ConnectOptions) -> Result<Self, Error> {
        let env = Env::real();
        let files = EnvConfigFiles::default();
        let typed_profile = options.profile.clone();
        // A file that cannot be read is found by who asks it for credentials.
        let profiles = aws_config::profile::load(&Fs::real(), &env, &files, typed_profile.map(Into::into)).await.ok();
        if let Some(profile) = profiles.as_ref().and_then(missing_profile) {
            return Err(Error::NoProfile { profile: printable_name(profile) });
        }
        let trust = trust(&env, profiles.as_ref())?;
        let http = Services { tls: trust.of_services(), proxy: proxy(&env) };
        // The same TLS as everything else.
        let http = Builder::new().build_with_connector_fn(move |settings, components| {
            let mut connector = Connector::builder().proxy_config(http.proxy.clone());
            connector.set_connector_settings(settings.cloned());
            if let Some(components) = components {
                connector.set_sleep_impl(components.sleep_impl());
            }
            let connector = connector.tls_provider(Provider::Rustls(CryptoMode::Ring));
            match http.tls.clone() {
                Some(tls) => connector.tls_context(tls).build(),
                None => connector.build(),
            }
        });
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http.clone())
            .timeout_config(TimeoutConfig::builder().connect_timeout(super::connections::CONNECT_TIMEOUT).build());
        if let Some(profile) = &options.profile {
            // As with the AWS CLI, a profile that is named comes before credentials in the environment. The services that
            // it asks for a role or for newer credentials are in its region.
            let region = region_before_asking(options, &env, profiles.as_ref());
            let config = ProviderConfig::default().with_http_client(http).with_region(region.map(Region::new));
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
        let login = profiles.as_ref().map_or(Login::None, login);
        let typed = options.endpoint_url.clone();
        Ok(Self {
            credentials: config.credentials_provider().map(|provider| Credentials::new(provider, login)),
            region: config.region().map(|region| region.as_ref().to_owned()),
            endpoint_url: typed.or_else(|| s3_endpoint(&config)).or_else(|| config.endpoint_url().map(str::to_owned)),
            trust,
        })
    }
}

/// How the services that give credentials are reached.
struct Services {
    tls: Option<TlsContext>,
    proxy: ProxyConfig,
}

/// `AWS_ENDPOINT_URL_S3`, or what a profile's services say.
fn s3_endpoint(config: &SdkConfig) -> Option<String> {
    let key =
        ServiceConfigKey::builder().service_id("s3").env("AWS_ENDPOINT_URL").profile("endpoint_url").build().ok()?;
    config.service_config()?.load_config(key)
}

/// The profile that was named, if no file has it.
fn missing_profile(profiles: &ProfileSet) -> Option<&str> {
    let name = profiles.selected_profile();
    (name != "default" && profiles.get_profile(name).is_none()).then_some(name)
}

/// The variable goes before the profile.
fn trust(env: &Env, profiles: Option<&ProfileSet>) -> Result<Trust, Error> {
    if let Some(path) = variable(env, &["AWS_CA_BUNDLE"]) {
        return Trust::read("AWS_CA_BUNDLE", path.as_ref());
    }
    let Some((profiles, path)) =
        profiles.and_then(|profiles| Some((profiles, profiles.get("ca_bundle")?))).filter(|(_, path)| !path.is_empty())
    else {
        return Ok(Trust::default());
    };
    let setting = format!("`ca_bundle` of the profile `{}`", printable_name(profiles.selected_profile()));
    Trust::read(&setting, &expanded(path, variable(env, &["HOME"])))
}

/// The proxy of requests that are encrypted. Those that are not go to the machine's own services, which no proxy reaches.
fn proxy(env: &Env) -> ProxyConfig {
    let Some(url) = variable(env, &["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]) else {
        return ProxyConfig::disabled();
    };
    let url = if url.contains("://") { url } else { format!("http://{url}") };
    // One that is none is told by the requests for the bucket.
    let proxy = ProxyConfig::https(url).unwrap_or_else(|_| ProxyConfig::disabled());
    match variable(env, &["NO_PROXY", "no_proxy"]) {
        Some(rules) => proxy.no_proxy(rules),
        None => proxy,
    }
}

/// The region, as far as it is written somewhere.
fn region_before_asking(options: &ConnectOptions, env: &Env, profiles: Option<&ProfileSet>) -> Option<String> {
    let typed = options.region.clone().or_else(|| variable(env, &["AWS_REGION", "AWS_DEFAULT_REGION"]));
    typed.or_else(|| profiles?.get("region").map(str::to_owned))
}

/// The first of these variables that is set, and not to nothing.
fn variable(env: &Env, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| env.get(name).ok().filter(|value| !value.is_empty()))
}

/// How a person gets new credentials for the profile at hand, or for the one that its role is taken with.
fn login(profiles: &ProfileSet) -> Login {
    let mut name = profiles.selected_profile();
    for _ in 0..MAX_SOURCE_PROFILES {
        let Some(profile) = profiles.get_profile(name) else { break };
        if profile.get("login_session").is_some() {
            return Login::Console { profile: printable_name(name) };
        }
        if profile.get("sso_session").or_else(|| profile.get("sso_start_url")).is_some() {
            return Login::SingleSignOn { profile: printable_name(name) };
        }
        match profile.get("source_profile") {
            Some(source) if source != name => name = source,
            _ => break,
        }
    }
    Login::None
}

/// Profiles that name each other are followed so far.
const MAX_SOURCE_PROFILES: u32 = 16;
