//! Checks of the files that the environment or a profile names: credentials, and how to find them. Libraries read these
//! files whole, so devices, pipes and files that are too large are refused first.
#![expect(clippy::disallowed_methods, reason = "looks at files that the environment names; every error names them")]

use std::fs;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

use aws_config::profile::ProfileSet;
use aws_types::os_shim_internal::Env;

use super::environment::variable;
use super::trust::{MAX_BUNDLE_BYTES, expanded};
use crate::Error;
use crate::error::{FileFlaw, FileKind};
use crate::printable::{printable, printable_name};
use crate::scheme::Scheme;
use crate::text::read_bounded;

/// Largest size of such a file in bytes: 1 MiB. A configuration of hundreds of profiles has some 100 KiB, a token 20
/// KiB.
const MAX_BYTES: u64 = 1 << 20;

/// The key of a profile that names such a file.
const TOKEN_KEY: &str = "web_identity_token_file";

/// A variable that names a file, and the file that is read if the variable is not set.
type Named = (&'static str, Option<&'static str>);

const AWS: [Named; 4] = [
    ("AWS_CONFIG_FILE", Some("~/.aws/config")),
    ("AWS_SHARED_CREDENTIALS_FILE", Some("~/.aws/credentials")),
    ("AWS_WEB_IDENTITY_TOKEN_FILE", None),
    ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", None),
];
const GOOGLE: [Named; 4] = [
    ("GOOGLE_SERVICE_ACCOUNT", None),
    ("GOOGLE_SERVICE_ACCOUNT_PATH", None),
    ("GOOGLE_APPLICATION_CREDENTIALS", Some("~/.config/gcloud/application_default_credentials.json")),
    ("SERVICE_ACCOUNT", None),
];
/// Variable that names certificate authorities to trust instead of the machine's own.
const AUTHORITIES: &str = "SSL_CERT_FILE";
const AZURE: [Named; 2] = [("AZURE_FEDERATED_TOKEN_FILE", None), ("AZURE_STORAGE_FEDERATED_TOKEN_FILE", None)];

/// Checks the files that are read to connect to a bucket of this kind.
///
/// # Errors
///
/// [`Error::BadFile`]: one of them is too large or not a regular file. The library that reads an absent file reports
/// it.
pub(super) fn check(scheme: Scheme) -> Result<(), Error> {
    let env = Env::real();
    let variable = |name| variable(&env, &[name]);
    let named: &[Named] = match scheme {
        Scheme::S3 => &AWS,
        Scheme::Gcs => &GOOGLE,
        Scheme::Azure => &AZURE,
    };
    for (name, default) in named {
        let path = variable(name).map(PathBuf::from);
        let path = path.or_else(|| default.map(|path| expanded(path, variable("HOME"))));
        path.map_or(Ok(()), |path| check_file(name, &path, MAX_BYTES))?;
    }
    // Every connection trusts these authorities.
    variable(AUTHORITIES).map_or(Ok(()), |path| check_file(AUTHORITIES, path.as_ref(), MAX_BUNDLE_BYTES))
}

/// Checks the file that a profile names.
///
/// # Errors
///
/// As [`check`].
pub(super) fn check_profile(profiles: Option<&ProfileSet>) -> Result<(), Error> {
    let named = profiles.and_then(|profiles| Some((profiles.selected_profile(), profiles.get(TOKEN_KEY)?)));
    named.map_or(Ok(()), |(profile, path)| {
        let setting = format!("`{TOKEN_KEY}` of the profile `{}`", printable_name(profile));
        check_file(&setting, path.as_ref(), MAX_BYTES)
    })
}

/// Checks one file, which `setting` names. `max_bytes` is a whole number of MiB.
///
/// # Errors
///
/// [`Error::BadFile`].
fn check_file(setting: &str, path: &Path, max_bytes: u64) -> Result<(), Error> {
    let refused = |flaw| Err(Error::BadFile { setting: setting.to_owned(), path: printable(path), flaw });
    let Ok(metadata) = fs::metadata(path) else { return Ok(()) };
    let kind = metadata.file_type();
    if kind.is_char_device() {
        // `/dev/null` is a usual way to say "none".
        return read_bounded(path, max_bytes).map(drop).or_else(refused);
    }
    if !kind.is_file() {
        return refused(FileFlaw::NotRegular(FileKind::of(kind)));
    }
    if metadata.len() > max_bytes {
        return refused(FileFlaw::TooLarge { max_mib: max_bytes >> 20 });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;

    #[test]
    fn endless_files_and_pipes_are_refused_with_the_setting_that_names_them() {
        let place = tempfile::tempdir().unwrap();
        let path = |name: &str| place.path().join(name);
        File::create_new(path("small")).unwrap();
        File::create_new(path("large")).unwrap().set_len(MAX_BYTES + 1).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(path("pipe")).status().unwrap().success());
        for fine in [path("small"), path("absent"), "/dev/null".into()] {
            assert!(check_file("AWS_CONFIG_FILE", &fine, MAX_BYTES).is_ok(), "{fine:?}");
        }
        for (file, says) in [
            (path("large"), "larger than 1 MiB"),
            ("/dev/zero".into(), "larger than 1 MiB"),
            (path("pipe"), "a named pipe"),
            (place.path().to_owned(), "a folder"),
        ] {
            let error = check_file("AWS_CONFIG_FILE", &file, MAX_BYTES).unwrap_err();
            let text = error.to_string();
            assert!(error.is_usage(), "{text}");
            assert!(text.starts_with(&format!("store: AWS_CONFIG_FILE: {}: {says}", file.display())), "{text}");
        }
    }
}
