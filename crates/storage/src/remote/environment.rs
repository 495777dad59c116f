//! Settings for Azure and Google from the environment, in the variables of `object_store`.

use std::env;

use aws_types::os_shim_internal::Env;
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};

use super::bucket::is_bucket_name;
use super::settings::{checked_endpoint, flaw_of, is_url};
use crate::Error;
use crate::error::SettingFlaw;

/// URL of the service that gives an Azure app or function its credentials.
const IDENTITY_ENDPOINT: &str = "IDENTITY_ENDPOINT";
/// The other name of `GOOGLE_SERVICE_ACCOUNT`.
const SERVICE_ACCOUNT: &str = "SERVICE_ACCOUNT";

/// Returns the trimmed value of the first of these variables that is set and not blank.
pub(super) fn variable(env: &Env, names: &[&str]) -> Option<String> {
    let value = |name: &&str| env.get(name).ok().map(|value| value.trim().to_owned());
    names.iter().filter_map(value).find(|value| !value.is_empty())
}

/// Returns a builder with the settings for Azure.
///
/// # Errors
///
/// [`Error::BadSetting`] names the variable that cannot be used.
pub(super) fn azure(allow_http: bool) -> Result<MicrosoftAzureBuilder, Error> {
    let mut builder = MicrosoftAzureBuilder::new();
    for (name, value) in variables(|name| name.starts_with("AZURE_") || name == IDENTITY_ENDPOINT)? {
        let key = match name.to_ascii_lowercase().parse() {
            Ok(key) => key,
            Err(_) if name == IDENTITY_ENDPOINT => AzureConfigKey::MsiEndpoint,
            Err(_) => continue,
        };
        builder = builder.with_config(key, part_of_url(key, &name, value, allow_http)?);
    }
    Ok(builder)
}

/// Checks a value that may become part of a URL.
fn part_of_url(key: AzureConfigKey, name: &str, value: String, allow_http: bool) -> Result<String, Error> {
    let bad = |flaw| Err(Error::BadSetting { setting: name.to_owned(), flaw });
    if key == AzureConfigKey::Endpoint {
        return checked_endpoint(name, &value, allow_http);
    }
    if [AzureConfigKey::AccountName, AzureConfigKey::AuthorityId].contains(&key) && !is_bucket_name(&value) {
        return bad(SettingFlaw::NotAnAccount);
    }
    let is_service = [
        AzureConfigKey::AuthorityHost,
        AzureConfigKey::MsiEndpoint,
        AzureConfigKey::FabricTokenServiceUrl,
        AzureConfigKey::FabricWorkloadHost,
    ]
    .contains(&key);
    if is_service && !is_url(&value) {
        return bad(SettingFlaw::NotAUrl);
    }
    Ok(value)
}

/// Returns a builder with the settings for Google, and whether they name another endpoint than Google's own.
///
/// # Errors
///
/// [`Error::BadSetting`] names the variable that cannot be used.
pub(super) fn google(allow_http: bool) -> Result<(GoogleCloudStorageBuilder, bool), Error> {
    let mut builder = GoogleCloudStorageBuilder::new();
    let mut has_endpoint = false;
    for (name, value) in variables(|name| name.starts_with("GOOGLE_") || name == SERVICE_ACCOUNT)? {
        let key = if name == SERVICE_ACCOUNT { "google_service_account".into() } else { name.to_ascii_lowercase() };
        match key.parse() {
            Ok(GoogleConfigKey::BaseUrl) => {
                let url = checked_endpoint(&name, &value, allow_http)?;
                builder = builder.with_config(GoogleConfigKey::BaseUrl, url);
                has_endpoint = true;
            }
            Ok(key) => builder = builder.with_config(key, value),
            Err(_) => {}
        }
    }
    Ok((builder, has_endpoint))
}

/// Variables that name proxies; the lower-case names work as well.
const PROXIES: [&str; 3] = ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"];

/// Checks the configured proxies: libraries silently ignore one that is not a URL.
///
/// # Errors
///
/// [`Error::BadSetting`] names the variable, but not its value, which may hold a password.
pub(super) fn check_proxies() -> Result<(), Error> {
    let is_proxy = |name: &str| PROXIES.iter().any(|proxy| name == *proxy || name == proxy.to_ascii_lowercase());
    wanted(is_proxy).try_for_each(|variable| variable.and_then(|(name, value)| check_proxy(name, &value)))
}

fn check_proxy(name: String, value: &str) -> Result<(), Error> {
    let url = if value.contains("://") { value.to_owned() } else { format!("http://{value}") };
    if value.is_empty() || (is_url(&url) && flaw_of(value).is_none()) {
        return Ok(());
    }
    Err(Error::BadSetting { setting: name, flaw: SettingFlaw::NotAProxy })
}

/// Returns variables and their trimmed values, without those that are blank.
fn variables(is_wanted: impl Fn(&str) -> bool) -> Result<Vec<(String, String)>, Error> {
    wanted(is_wanted).map(|variable| variable.and_then(|(name, value)| checked(name, &value))).filter(is_set).collect()
}

/// Returns variables and their values; a value that is not UTF-8 is an error.
fn wanted(is_wanted: impl Fn(&str) -> bool) -> impl Iterator<Item = Result<(String, String), Error>> {
    let named = env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
    named.filter(move |(name, _)| is_wanted(name)).map(|(name, value)| match value.into_string() {
        Ok(value) => Ok((name, value)),
        Err(_) => Err(Error::BadSetting { setting: name, flaw: SettingFlaw::NotUtf8 }),
    })
}

fn is_set(variable: &Result<(String, String), Error>) -> bool {
    variable.as_ref().map_or(true, |(_, value)| !value.is_empty())
}

/// Checks that a variable's value can be part of a request, and returns it trimmed.
fn checked(name: String, value: &str) -> Result<(String, String), Error> {
    let value = value.trim();
    // A file's path may have any characters, and is never part of a request.
    let is_path =
        ["_FILE", "_PATH", "_ACCOUNT", "_CREDENTIALS"].iter().any(|end| name.ends_with(end)) || name == SERVICE_ACCOUNT;
    match flaw_of(value).filter(|_| !is_path) {
        Some(flaw) => Err(Error::BadSetting { setting: name, flaw }),
        None => Ok((name, value.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_become_part_of_a_url_are_checked() {
        let checked = |key, value: &str| part_of_url(key, "AZURE_X", value.into(), false);
        for (key, value) in [
            (AzureConfigKey::AccountName, "my account"),
            (AzureConfigKey::AccountName, "other.example.com/"),
            (AzureConfigKey::AuthorityId, "a/b"),
            (AzureConfigKey::AuthorityHost, "login.example.com"),
            (AzureConfigKey::AuthorityHost, "https://login.example.com:99999"),
            (AzureConfigKey::MsiEndpoint, "http://[::1"),
            (AzureConfigKey::Endpoint, "https://account.example.com:99999"),
        ] {
            let error = checked(key, value).unwrap_err();
            assert!(error.is_usage() && error.to_string().contains("AZURE_X: "), "{value}: {error}");
        }
        for (key, value) in [
            (AzureConfigKey::AccountName, "myaccount1"),
            (AzureConfigKey::AuthorityId, "00000000-0000-0000-0000-000000000000"),
            (AzureConfigKey::MsiEndpoint, "http://169.254.169.254/metadata/identity/oauth2/token"),
            (AzureConfigKey::AccessKey, "a b/c=="),
        ] {
            assert_eq!(checked(key, value).unwrap(), value);
        }
    }

    #[test]
    fn an_invalid_proxy_is_named_without_its_value() {
        for value in
            ["", "http://proxy:3128", "proxy:3128", "http://me:hunter2@proxy.example.com:3128", "socks5://proxy"]
        {
            assert!(check_proxy("HTTPS_PROXY".into(), value).is_ok(), "{value}");
        }
        for value in
            ["http://[::1", "http://me:hunter2@proxy:99999", "http://me:hunter2@proxy:3128\n", "http://", "a b"]
        {
            let error = check_proxy("HTTPS_PROXY".into(), value).unwrap_err();
            let text = error.to_string();
            assert!(error.is_usage() && text.contains("HTTPS_PROXY") && !text.contains("hunter2"), "{text}");
        }
    }

    #[test]
    fn values_are_trimmed_and_invalid_ones_are_named() {
        let name = || "AZURE_STORAGE_TOKEN".to_owned();
        assert_eq!(checked(name(), " hunter2\r\n").unwrap().1, "hunter2");
        for value in ["hunter2\nx", "hunter2\u{1b}", "hünter2"] {
            let error = checked(name(), value).unwrap_err();
            let text = error.to_string();
            assert!(error.is_usage() && text.contains("AZURE_STORAGE_TOKEN") && !text.contains("nter2"), "{text}");
        }
        assert!(checked("GOOGLE_APPLICATION_CREDENTIALS".into(), "/home/jürgen/key.json").is_ok());
    }
}
