//! Hints about stores: folders, buckets and what is needed to reach them.

use lakefront_operations::{
    ListFlaw, StorageError,
    storage_error::{
        CredentialsFlaw, LocationFlaw, NetworkFlaw, NotABucket, Permission, Refusal, Request, RequestFlaw, Scheme,
        SettingFlaw, SourceIdFlaw, UnreadableCause,
    },
};

const CHECK_MODES: &str = "check the owner and the mode of it and of the folders above it";

/// Returns the hint for an error; none if there is nothing to say.
pub(crate) fn hint(error: &StorageError) -> Option<String> {
    let hint = match error {
        StorageError::UnsupportedScheme { .. } => {
            "give a local path, or a URL with `s3://`, `gs://`, `az://` or `file://`"
        }
        StorageError::BadLocation { flaw, .. } => return of_location(*flaw).map(str::to_owned),
        StorageError::NotFound { .. } => "check the spelling; a relative path starts at the working directory",
        StorageError::PathNotUtf8 { .. } => "rename it",
        StorageError::BadTextFile { .. } => "name a text file of at most 1 MiB",
        StorageError::BadSourceId { flaw: SourceIdFlaw::FileScheme, .. } => {
            "choose a name that does not tell where the objects are now"
        }
        StorageError::Unreadable { cause, .. } => return of_unreadable(cause),
        StorageError::Locked { .. } => "wait until it ends",
        StorageError::Loop { .. } => "remove the link",
        StorageError::DifferentFilesystems { .. } => "keep the state on the table's filesystem",
        StorageError::NoHardLinks { .. } => "choose a table on another filesystem",
        StorageError::DiskFull { .. } => "make room and run again",
        StorageError::PermissionDenied { .. } => CHECK_MODES,
        StorageError::NoThreads { limits, .. } => return Some(format!("raise what limits them: {limits}")),
        StorageError::Remote { flaw, .. } => return of_request(flaw),
        StorageError::NoBucket { .. } => {
            "check the spelling, and the account and endpoint that the credentials belong to"
        }
        StorageError::NoProfile { .. } => "check --profile, AWS_PROFILE, ~/.aws/config and ~/.aws/credentials",
        StorageError::NoRegion { .. } => "say --region or AWS_REGION",
        StorageError::NotABucket { what, .. } => return Some(of_other_than_bucket(what)),
        StorageError::CaBundle { .. } => "name a PEM file with the certificates of the authorities to trust",
        StorageError::BadFile { .. } => "check that this is the right file",
        StorageError::BadSetting { flaw, .. } => return of_setting(flaw).map(str::to_owned),
        StorageError::NotSetUp { variables, .. } => {
            return Some(format!("check the variables that begin with {variables}; docs/object-stores.md lists them"));
        }
        StorageError::NotAFolder { .. }
        | StorageError::NotRegular { .. }
        | StorageError::TextNotUtf8 { .. }
        | StorageError::BadSourceId { .. }
        | StorageError::Gone { .. }
        | StorageError::Changed { .. }
        | StorageError::AlreadyExists { .. }
        | StorageError::BadName { .. }
        | StorageError::StagedChanged { .. }
        | StorageError::ReadOnly { .. }
        | StorageError::Io { .. }
        | StorageError::Stopped
        | _ => return None,
    };
    Some(hint.to_owned())
}

/// Returns the hint for something that could not be listed; none if there is nothing to say.
pub(crate) fn hint_of_listing(flaw: &ListFlaw) -> Option<String> {
    matches!(flaw, ListFlaw::Archived).then(|| "restore it, or leave it out".to_owned())
}

fn of_location(flaw: LocationFlaw) -> Option<&'static str> {
    match flaw {
        LocationFlaw::BadPercent => Some("write `%25` for a `%`"),
        LocationFlaw::PipeWithoutReader => Some("start its reader first"),
        LocationFlaw::NoFolder => Some("create it first"),
        LocationFlaw::NotABucketUrl => Some("credentials do not belong in a URL; see docs/object-stores.md"),
        LocationFlaw::BadPrefix => Some("name another prefix"),
        LocationFlaw::Unencrypted => Some("use `https://`, or say --allow-http if you trust the network"),
        LocationFlaw::Empty | LocationFlaw::OtherMachine | LocationFlaw::DanglingLink | LocationFlaw::NotAFileName => {
            None
        }
    }
}

fn of_setting(flaw: &SettingFlaw) -> Option<&'static str> {
    match flaw {
        SettingFlaw::LineBreak => Some("was more than one line copied?"),
        SettingFlaw::ControlCharacter | SettingFlaw::NotAscii | SettingFlaw::Blank => Some("copy it again"),
        SettingFlaw::NotUtf8 => Some("type it again"),
        SettingFlaw::NotARegion { .. } => Some("a region is like `eu-west-1`"),
        SettingFlaw::HostIsAddress => Some("leave `--addressing-style` out, or name the host by its name"),
        SettingFlaw::BucketNotInHost => Some("`--addressing-style path`"),
        SettingFlaw::NotAnEndpoint | SettingFlaw::BadHost(_) => Some("check --endpoint-url and AWS_ENDPOINT_URL"),
        SettingFlaw::HoldsCredentials => Some("give them in the environment or a profile instead"),
        SettingFlaw::NotAUrl => Some("expected `https://host[:port]`"),
        SettingFlaw::NotAProxy => Some("expected `http://host:port`, without blanks around it"),
        SettingFlaw::NotHttps | SettingFlaw::NotAnAccount => None,
    }
}

fn of_unreadable(cause: &UnreadableCause) -> Option<String> {
    match cause {
        UnreadableCause::Refused(refusal) => of_refusal(refusal),
        UnreadableCause::PermissionDenied => Some(CHECK_MODES.to_owned()),
        UnreadableCause::Damaged(_) => {
            Some("the disk or the filesystem may be damaged: the system's log says more".to_owned())
        }
        UnreadableCause::Io(_) => None,
    }
}

fn of_request(flaw: &RequestFlaw) -> Option<String> {
    match flaw {
        RequestFlaw::Refused(refusal) => of_refusal(refusal),
        RequestFlaw::Unsigned(flaw) => of_credentials(flaw),
        RequestFlaw::NoAnswer { kind, .. } => Some(of_network(*kind).to_owned()),
        RequestFlaw::UnnameableLog { .. } => Some("name a prefix beside it, or rename it".to_owned()),
        RequestFlaw::UnnameableName => Some("remove it: it is none of the table's".to_owned()),
        RequestFlaw::EndlessList | RequestFlaw::NotAList | RequestFlaw::UnnameableKey => None,
    }
}

fn of_network(flaw: NetworkFlaw) -> &'static str {
    match flaw {
        NetworkFlaw::OtherHostsCertificate => {
            "the certificate is another host's: check the endpoint; a bucket's name with dots needs `--addressing-style path`"
        }
        NetworkFlaw::UntrustedAuthority(Scheme::S3) => {
            "the certificate is of an authority that is not trusted here: name its file in AWS_CA_BUNDLE, or as `ca_bundle` in the profile"
        }
        NetworkFlaw::UntrustedAuthority(Scheme::Gcs | Scheme::Azure) => {
            "the certificate is of an authority that is not trusted here: name its file in SSL_CERT_FILE"
        }
        NetworkFlaw::UnknownHost => {
            "the host's name is not known here: check the endpoint, the region and the DNS of this machine"
        }
        NetworkFlaw::Silent => {
            "the host takes requests and does not answer in time: is it overloaded, or the network on the way to it?"
        }
        NetworkFlaw::Proxy => "check the proxy: HTTPS_PROXY, NO_PROXY",
        NetworkFlaw::Other => "is the endpoint right, and reachable from here? A proxy is named by HTTPS_PROXY",
    }
}

fn of_credentials(flaw: &CredentialsFlaw) -> Option<String> {
    let hint = match flaw {
        CredentialsFlaw::NotFound => {
            "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, name a --profile, or run where a role is attached; --no-sign-request reads public buckets without"
        }
        CredentialsFlaw::Network { .. } => {
            "is it reachable from here? HTTPS_PROXY names a proxy, AWS_CA_BUNDLE further certificate authorities"
        }
        CredentialsFlaw::ConsoleSession { profile } => {
            return Some(format!("log in (`aws login --profile {profile}`) and run again: nothing is lost"));
        }
        CredentialsFlaw::SsoSession { profile } => {
            return Some(format!("log in (`aws sso login --profile {profile}`) and run again: nothing is lost"));
        }
        CredentialsFlaw::TimedOut => "is the metadata or token service reachable from here?",
        CredentialsFlaw::BadConfiguration => {
            "check ~/.aws/config, ~/.aws/credentials, --profile and the AWS_ variables; `aws sts get-caller-identity` says more"
        }
        CredentialsFlaw::Refused => "check the role, or log in again; `aws sts get-caller-identity` says more",
        CredentialsFlaw::NotLoaded => "`aws sts get-caller-identity` says more",
        CredentialsFlaw::Invalid { flaw, .. } => return of_setting(flaw).map(str::to_owned),
    };
    Some(hint.to_owned())
}

fn of_refusal(refusal: &Refusal) -> Option<String> {
    let hint = match refusal {
        Refusal::Expired(_) => {
            "the credentials have expired; renew them (`aws login`, `aws sso login`, a new session token) and run again: nothing is lost"
        }
        Refusal::UnknownCredentials(_) => {
            "the credentials are not known to this store; check the access key, --profile and --endpoint-url"
        }
        Refusal::ClockSkewed(_) => "set this machine's clock",
        Refusal::OtherRegion { region, .. } => {
            return Some(format!("say `--region {region}`, or `--source-region {region}` if only the logs are there"));
        }
        Refusal::Redirect { .. } => {
            "name the host that is meant, with --endpoint-url or --source-endpoint-url, or the bucket's region, with --region or --source-region"
        }
        Refusal::UnknownRegion { bucket, .. } => {
            return Some(format!(
                "the bucket `{bucket}` is in another region; say it with --region or --source-region"
            ));
        }
        Refusal::Overloaded(_) => "the store is overloaded; run again later: nothing is lost",
        Refusal::Denied { permission, .. } => return Some(of_permission(permission)),
        Refusal::Key { store: Scheme::S3, .. } => "it takes `kms:Decrypt` on the key, and a key that is enabled",
        Refusal::Key { store: Scheme::Gcs, .. } => {
            "it takes the role Cloud KMS CryptoKey Decrypter on the key for the bucket's service agent, and a key that is enabled"
        }
        Refusal::Key { store: Scheme::Azure, .. } => {
            "it takes access of the storage account to the key vault, and a key that is enabled"
        }
        Refusal::OwnKey(_) => "write it again without a customer-provided key, or leave it out with --exclude",
        Refusal::Archived { store: Scheme::S3, .. } => {
            "the object is archived (Glacier); restore it, or leave it out with --exclude or --from"
        }
        Refusal::Archived { store: Scheme::Gcs | Scheme::Azure, .. } => {
            "the object is archived; rehydrate it, or leave it out with --exclude or --from"
        }
        Refusal::Other(_) => return None,
    };
    Some(hint.to_owned())
}

/// The permission that a request needs, and on what.
fn of_permission(permission: &Permission) -> String {
    let Permission { request, store, bucket, key } = permission;
    let reads = matches!(request, Request::Get);
    match (store, request) {
        (_, Request::Find | Request::List) => format!("it takes {}", list_permission(*store, bucket)),
        (Scheme::S3, Request::Get) => format!(
            "it takes `s3:GetObject` on `arn:aws:s3:::{bucket}/{key}`, and {} to tell an absent object from a secret one",
            list_permission(*store, bucket)
        ),
        (Scheme::S3, Request::Put) => format!("it takes `s3:PutObject` on `arn:aws:s3:::{bucket}/{key}`"),
        (Scheme::S3, Request::Delete) => format!("it takes `s3:DeleteObject` on `arn:aws:s3:::{bucket}/{key}`"),
        (Scheme::Gcs, Request::Get) => format!("it takes `storage.objects.get` on bucket `{bucket}`"),
        (Scheme::Gcs, Request::Put) => format!("it takes `storage.objects.create` on bucket `{bucket}`"),
        (Scheme::Gcs, Request::Delete) => format!("it takes `storage.objects.delete` on bucket `{bucket}`"),
        (Scheme::Azure, Request::Get | Request::Put | Request::Delete) => {
            let role = if reads { "Storage Blob Data Reader" } else { "Storage Blob Data Contributor" };
            format!("it takes {role} on container `{bucket}`")
        }
    }
}

fn list_permission(store: Scheme, bucket: &str) -> String {
    match store {
        Scheme::S3 => format!("`s3:ListBucket` on `arn:aws:s3:::{bucket}`"),
        Scheme::Gcs => format!("`storage.objects.list` on bucket `{bucket}`"),
        Scheme::Azure => format!("Storage Blob Data Reader on container `{bucket}`"),
    }
}

/// The name that will do instead of an ARN, or of a name that AWS keeps.
fn of_other_than_bucket(what: &NotABucket) -> String {
    match what {
        NotABucket::MultiRegionAccessPoint => {
            "name one of the buckets behind it, as `s3://BUCKET/PREFIX`".to_owned()
        }
        NotABucket::AccessPoint { name, account } => {
            let (name, account) = (name.as_deref().unwrap_or("NAME"), account.as_deref().unwrap_or("ACCOUNT"));
            format!(
                "name it by its alias, as `s3://{name}-...-s3alias/PREFIX`; `aws s3control get-access-point --account-id {account} --name {name}` shows the alias"
            )
        }
        NotABucket::BucketArn { bucket } => format!("name it as `s3://{bucket}/PREFIX`"),
        NotABucket::ObjectLambda => {
            "name the bucket behind it, or the alias of the access point behind it, as `s3://NAME-...-s3alias/PREFIX`: a function between would change what is read".to_owned()
        }
        NotABucket::Outposts => "Outposts are not supported; copy the logs to a bucket of a region".to_owned(),
        NotABucket::DirectoryBucket => {
            "directory buckets are not supported; use a general purpose bucket".to_owned()
        }
        NotABucket::TableBucket | NotABucket::Unknown => "name a bucket, as `s3://BUCKET/PREFIX`".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_permission_is_named_with_what_it_is_on() {
        let permission = |request, store| {
            of_permission(&Permission { request, store, bucket: "logs".into(), key: "cf/E1.gz".into() })
        };
        for (request, store, says) in [
            (
                Request::Get,
                Scheme::S3,
                "it takes `s3:GetObject` on `arn:aws:s3:::logs/cf/E1.gz`, and `s3:ListBucket` on `arn:aws:s3:::logs` to tell an absent object from a secret one",
            ),
            (Request::Put, Scheme::S3, "it takes `s3:PutObject` on `arn:aws:s3:::logs/cf/E1.gz`"),
            (Request::Delete, Scheme::S3, "it takes `s3:DeleteObject` on `arn:aws:s3:::logs/cf/E1.gz`"),
            (Request::List, Scheme::S3, "it takes `s3:ListBucket` on `arn:aws:s3:::logs`"),
            (Request::Find, Scheme::S3, "it takes `s3:ListBucket` on `arn:aws:s3:::logs`"),
            (Request::Put, Scheme::Gcs, "it takes `storage.objects.create` on bucket `logs`"),
            (Request::List, Scheme::Gcs, "it takes `storage.objects.list` on bucket `logs`"),
            (Request::Get, Scheme::Azure, "it takes Storage Blob Data Reader on container `logs`"),
            (Request::Delete, Scheme::Azure, "it takes Storage Blob Data Contributor on container `logs`"),
        ] {
            assert_eq!(permission(request, store), says);
        }
    }

    #[test]
    fn what_to_do_about_credentials_depends_on_how_they_are_got() {
        let profile = || "prod".to_owned();
        for (flaw, says) in [
            (CredentialsFlaw::ConsoleSession { profile: profile() }, "(`aws login --profile prod`)"),
            (CredentialsFlaw::SsoSession { profile: profile() }, "(`aws sso login --profile prod`)"),
            (CredentialsFlaw::NotFound, "AWS_ACCESS_KEY_ID"),
            (CredentialsFlaw::Invalid { part: "session token", flaw: SettingFlaw::Blank }, "copy it again"),
        ] {
            assert!(of_credentials(&flaw).is_some_and(|hint| hint.contains(says)), "{flaw}");
        }
    }

    #[test]
    fn an_arn_gets_the_name_that_will_do() {
        let access_point = |name: Option<&str>, account: Option<&str>| NotABucket::AccessPoint {
            name: name.map(str::to_owned),
            account: account.map(str::to_owned),
        };
        for (what, says) in [
            (access_point(Some("logs-reader"), Some("111122223333")), "`s3://logs-reader-...-s3alias/PREFIX`"),
            (access_point(Some("a"), Some("1")), "`aws s3control get-access-point --account-id 1 --name a`"),
            (access_point(None, None), "`aws s3control get-access-point --account-id ACCOUNT --name NAME`"),
            (NotABucket::BucketArn { bucket: "logs".into() }, "name it as `s3://logs/PREFIX`"),
            (NotABucket::DirectoryBucket, "general purpose bucket"),
        ] {
            let hint = of_other_than_bucket(&what);
            assert!(hint.contains(says), "{hint}");
        }
    }

    #[test]
    fn one_file_that_cannot_be_read_gets_a_hint_for_its_cause() {
        let error = |errno| std::io::Error::from_raw_os_error(errno);
        assert_eq!(of_unreadable(&UnreadableCause::PermissionDenied).unwrap(), CHECK_MODES);
        assert!(of_unreadable(&UnreadableCause::Damaged(error(5))).unwrap().starts_with("the disk"));
        assert_eq!(of_unreadable(&UnreadableCause::Io(error(75))), None);
    }

    #[test]
    fn an_unencrypted_endpoint_may_be_allowed() {
        assert!(of_location(LocationFlaw::Unencrypted).unwrap().contains("--allow-http"));
        assert!(of_setting(&SettingFlaw::HostIsAddress).unwrap().contains("--addressing-style"));
    }
}
