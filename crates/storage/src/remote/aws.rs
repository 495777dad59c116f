//! The AWS configuration: environment, profiles, roles.

use aws_config::BehaviorVersion;
use aws_config::SdkConfig;
use aws_config::profile::{ProfileFileCredentialsProvider, ProfileSet};
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_runtime::env_config::file::EnvConfigFiles;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{Provider, TlsContext, rustls_provider::CryptoMode};
use aws_smithy_http_client::{Builder, Connector};
use aws_types::os_shim_internal::{Env, Fs};
use aws_types::region::Region;
use aws_types::service_config::ServiceConfigKey;

use super::credentials::{Credentials, Login, flaw_of_credential};
use super::environment::variable;
use super::named_files;
use super::retry::Patience;
use super::settings::{ConnectOptions, check_region, checked_endpoint, is_region};
use super::trust::{Trust, expanded};
use crate::Error;
use crate::printable::printable_name;

/// Settings for AWS from flags, environment and profiles.
#[derive(Debug)]
pub(super) struct Aws {
    pub(super) credentials: Option<Credentials>,
    pub(super) region: Option<String>,
    /// The endpoint's URL, already checked.
    pub(super) endpoint_url: Option<String>,
    pub(super) trust: Trust,
}

impl Aws {
    /// Reads the settings as the AWS CLI does; flags come first. Sends no request, but for the region of an instance.
    ///
    /// # Errors
    ///
    /// [`Error::NoProfile`]: no file has the profile that a flag or the environment names. The AWS CLI stops there,
    /// too. [`Error::CaBundle`]: the file of certificates cannot be used. [`Error::BadSetting`]: another value
    /// cannot.
    pub(super) async fn read(options: &ConnectOptions) -> Result<Self, Error> {
        let env = Env::real();
        let files = EnvConfigFiles::default();
        // A name of only blanks is ignored, as in all variables.
        let named_profile = options.profile.clone().or_else(|| variable(&env, &["AWS_PROFILE"]));
        let selected = named_profile.clone().unwrap_or_else(|| "default".to_owned());
        // A file that cannot be read is reported when credentials are requested from it.
        let profiles = aws_config::profile::load(&Fs::real(), &env, &files, Some(selected.into())).await.ok();
        if let Some(profile) = profiles.as_ref().and_then(missing_profile) {
            return Err(Error::NoProfile { profile: printable_name(profile) });
        }
        if !options.no_sign_request {
            check_keys(options, &env, profiles.as_ref())?;
        }
        let region = written_region(options, &env, profiles.as_ref())?;
        let trust = trust(&env, profiles.as_ref())?;
        named_files::check_profile(profiles.as_ref())?;
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
            // Not what the environment says, as the library panics on values that other tools take, such as `legacy`.
            .retry_config(RetryConfig::standard())
            .timeout_config(TimeoutConfig::builder().connect_timeout(Patience::default().connect).build());
        if let Some(profile) = &named_profile {
            loader = loader.profile_name(profile);
        }
        if let Some(profile) = &options.profile {
            // As with the AWS CLI, a profile that is named comes before credentials in the environment. The services that
            // it asks for a role or for newer credentials are in its region.
            let config = ProviderConfig::default().with_http_client(http).with_region(region.clone().map(Region::new));
            let of_profile = ProfileFileCredentialsProvider::builder().configure(&config).profile_name(profile).build();
            loader = loader.credentials_provider(of_profile);
        }
        if let Some(region) = &region {
            loader = loader.region(Region::new(region.clone()));
        }
        if options.no_sign_request {
            loader = loader.no_credentials();
        }
        let config = loader.load().await;
        let login = profiles.as_ref().map_or(Login::None, login);
        let endpoint = endpoint(options, &env, profiles.as_ref(), &config);
        // The instance's region, if none is configured.
        let said =
            || config.region().map(|region| region.as_ref().trim().to_owned()).filter(|region| is_region(region));
        Ok(Self {
            credentials: config.credentials_provider().map(|provider| Credentials::new(provider, login)),
            region: region.or_else(said),
            endpoint_url: endpoint.map(|(by, url)| checked_endpoint(&by, &url, options.allow_http)).transpose()?,
            trust,
        })
    }
}

/// Connection settings for the services that give credentials.
struct Services {
    tls: Option<TlsContext>,
    proxy: ProxyConfig,
}

/// Returns the endpoint, and the name of the setting that gives it. Variables are read here, as the library ignores one
/// that is not a URL, and credentials would then be sent to AWS instead.
fn endpoint(
    options: &ConnectOptions,
    env: &Env,
    profiles: Option<&ProfileSet>,
    config: &SdkConfig,
) -> Option<(String, String)> {
    let of_profile = || {
        let profile = profiles.map_or("default", ProfileSet::selected_profile);
        format!("`endpoint_url` of the profile `{}`", printable_name(profile))
    };
    let of_variable = |name: &str| variable(env, &[name]).map(|url| (name.to_owned(), url));
    let is_ignored =
        variable(env, &["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"]).is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let typed = options.endpoint_url.clone().map(|url| ("`--endpoint-url`".to_owned(), url));
    typed
        .or_else(|| of_variable("AWS_ENDPOINT_URL_S3"))
        .or_else(|| {
            // If no endpoint is set for S3 alone, the library returns the one for all services.
            let of_all = |url: &String| of_variable("AWS_ENDPOINT_URL").filter(|(_, of_all)| of_all == url.trim());
            s3_endpoint(config).map(|url| of_all(&url).unwrap_or_else(|| (of_profile(), url)))
        })
        .or_else(|| of_variable("AWS_ENDPOINT_URL").filter(|_| !is_ignored))
        .or_else(|| config.endpoint_url().map(|url| (of_profile(), url.to_owned())))
        .or_else(|| profiles?.get("endpoint_url").filter(|_| !is_ignored).map(|url| (of_profile(), url.to_owned())))
}

/// Variables that hold keys; a profile has the same names in lower case.
const KEYS: [&str; 3] = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];

/// Checks keys in the environment or the profile, so that an invalid one is reported before any request is sent.
fn check_keys(options: &ConnectOptions, env: &Env, profiles: Option<&ProfileSet>) -> Result<(), Error> {
    let check = |setting: String, value: &str| match flaw_of_credential(value.trim()) {
        Some(flaw) => Err(Error::BadSetting { setting, flaw }),
        None => Ok(()),
    };
    if options.profile.is_none() && variable(env, &["AWS_ACCESS_KEY_ID"]).is_some() {
        return KEYS
            .iter()
            .try_for_each(|name| variable(env, &[name]).map_or(Ok(()), |value| check((*name).to_owned(), &value)));
    }
    let Some(profiles) = profiles else { return Ok(()) };
    let selected = profiles.selected_profile();
    KEYS.iter().map(|name| name.to_ascii_lowercase()).try_for_each(|key| {
        let value = profiles.get(&key).unwrap_or_default();
        check(format!("`{key}` of the profile `{}`", printable_name(selected)), value)
    })
}

/// Returns `AWS_ENDPOINT_URL_S3`, or the endpoint of a profile's services.
fn s3_endpoint(config: &SdkConfig) -> Option<String> {
    let key = ServiceConfigKey::builder().service_id("s3").env("AWS_ENDPOINT_URL").profile("endpoint_url").build();
    let key = key.expect("the key has all its parts");
    config.service_config()?.load_config(key)
}

/// Returns the profile that was named, if no file has it.
fn missing_profile(profiles: &ProfileSet) -> Option<&str> {
    let name = profiles.selected_profile();
    (name != "default" && profiles.get_profile(name).is_none()).then_some(name)
}

/// Returns the certificates to trust. The variable comes before the profile.
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

/// Returns the proxy of encrypted requests. Others go to the machine's own services, which no proxy reaches.
fn proxy(env: &Env) -> ProxyConfig {
    let Some(url) = variable(env, &["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]) else {
        return ProxyConfig::disabled();
    };
    let url = if url.contains("://") { url } else { format!("http://{url}") };
    // Ignore an invalid one: the requests for the bucket report it.
    let proxy = ProxyConfig::https(url).unwrap_or_else(|_| ProxyConfig::disabled());
    match variable(env, &["NO_PROXY", "no_proxy"]) {
        Some(rules) => proxy.no_proxy(rules),
        None => proxy,
    }
}

/// Returns the configured region.
///
/// # Errors
///
/// [`Error::BadSetting`]: it is not a region.
fn written_region(options: &ConnectOptions, env: &Env, profiles: Option<&ProfileSet>) -> Result<Option<String>, Error> {
    let typed = options.region.clone().map(|region| ("`--region`".to_owned(), region));
    let of_variable = |name: &str| variable(env, &[name]).map(|region| (name.to_owned(), region));
    let of_profile = || {
        let region = profiles?.get("region").map(str::trim).filter(|region| !region.is_empty())?;
        let profile = printable_name(profiles?.selected_profile());
        Some((format!("`region` of the profile `{profile}`"), region.to_owned()))
    };
    let found =
        typed.or_else(|| of_variable("AWS_REGION")).or_else(|| of_variable("AWS_DEFAULT_REGION")).or_else(of_profile);
    found.map(|(setting, region)| check_region(&setting, &region).map(|()| region)).transpose()
}

/// Returns how a person gets new credentials for the selected profile, or for the one that assumes its role.
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

/// Number of profiles, each the source of another, that are followed.
const MAX_SOURCE_PROFILES: u32 = 16;
