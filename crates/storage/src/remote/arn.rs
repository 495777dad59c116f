//! What is named by an ARN, or by a name that AWS keeps for other things than buckets: refused, with the name that will do.

use super::url::is_bucket_name;
use crate::Error;
use crate::printable::printable_name;

/// The parts of an ARN before its resource: `arn`, partition, service, region, account.
const PARTS_BEFORE_RESOURCE: usize = 5;

/// Does a location begin with an ARN of S3? AWS's tools take `s3://arn:...`, people also type the ARN alone.
pub(super) fn is_arn(text: &str) -> bool {
    text.strip_prefix("arn:aws").is_some_and(|rest| rest.split(':').nth(1).is_some_and(|part| part.starts_with("s3")))
}

/// The error for what an ARN names.
pub(super) fn refused(doing: &'static str, arn: &str) -> Error {
    let parts: Vec<&str> = arn.splitn(PARTS_BEFORE_RESOURCE + 1, ':').collect();
    let part = |index: usize| parts.get(index).copied().unwrap_or_default();
    let (service, region, account, resource) = (part(2), part(3), part(4), part(5));
    // `accesspoint/NAME/...`, `accesspoint:NAME/...`, `bucket/NAME/...`, `NAME/...`
    let mut names = resource.split(['/', ':']);
    let kind = names.next().unwrap_or_default();
    let name = names.next().filter(|name| is_bucket_name(name)).unwrap_or("NAME");
    let (what, hint) = match (service, kind) {
        ("s3", "accesspoint") if region.is_empty() => {
            ("a multi-region access point", "name one of the buckets behind it, as `s3://BUCKET/PREFIX`".to_owned())
        }
        ("s3", "accesspoint") => (
            "an access point",
            format!(
                "name it by its alias, as `s3://{name}-...-s3alias/PREFIX`; `aws s3control get-access-point --account-id {} --name {name}` shows the alias",
                if is_bucket_name(account) { account } else { "ACCOUNT" },
            ),
        ),
        ("s3", bucket) if account.is_empty() && is_bucket_name(bucket) => {
            ("a bucket", format!("name it as `s3://{bucket}/PREFIX`"))
        }
        ("s3-object-lambda", _) => (OBJECT_LAMBDA, OBJECT_LAMBDA_HINT.to_owned()),
        ("s3-outposts", _) => (OUTPOSTS, OUTPOSTS_HINT.to_owned()),
        ("s3express", _) => (DIRECTORY_BUCKET, DIRECTORY_BUCKET_HINT.to_owned()),
        _ => ("no bucket that can be read from or written to", "name a bucket, as `s3://BUCKET/PREFIX`".to_owned()),
    };
    let service = if is_bucket_name(service) { service } else { "s3" };
    Error::NotABucket { doing, name: format!("arn:...:{service}:...:{}", printable_name(kind)), what, hint }
}

const OBJECT_LAMBDA: &str = "an Object Lambda access point";
const OBJECT_LAMBDA_HINT: &str = "name the bucket behind it, or the alias of the access point behind it, as `s3://NAME-...-s3alias/PREFIX`: a function between would change what is read";
const OUTPOSTS: &str = "a bucket or an access point on Outposts";
const OUTPOSTS_HINT: &str = "Outposts are not supported; copy the logs to a bucket of a region";
const DIRECTORY_BUCKET: &str = "a directory bucket (S3 Express One Zone), or its access point";
const DIRECTORY_BUCKET_HINT: &str = "directory buckets are not supported; use a general purpose bucket";

/// The error for a bucket's name that AWS keeps for something else; none if it is a bucket's, or an access point's alias.
pub(super) fn reserved(doing: &'static str, bucket: &str) -> Option<Error> {
    let (what, hint) = match bucket.rsplit_once("--")?.1 {
        "ol-s3" => (OBJECT_LAMBDA, OBJECT_LAMBDA_HINT),
        "op-s3" => (OUTPOSTS, OUTPOSTS_HINT),
        "x-s3" | "xa-s3" => (DIRECTORY_BUCKET, DIRECTORY_BUCKET_HINT),
        "table-s3" => ("a bucket of S3 Tables", "name a bucket, as `s3://BUCKET/PREFIX`"),
        _ => return None,
    };
    Some(Error::NotABucket { doing, name: printable_name(bucket), what, hint: hint.to_owned() })
}

#[cfg(test)]
mod tests {
    use crate::remote::url::Prefix;

    #[test]
    fn an_arn_is_refused_with_the_name_that_will_do() {
        let alias = "an access point, which cannot be named so\nhint: name it by its alias, as `s3://logs-reader-...-s3alias/PREFIX`";
        for (text, says) in [
            ("arn:aws:s3:eu-west-1:111122223333:accesspoint/logs-reader/cf", alias),
            ("arn:aws:s3:eu-west-1:111122223333:accesspoint:logs-reader/cf", alias),
            ("arn:aws-cn:s3:cn-north-1:111122223333:accesspoint/logs-reader", alias),
            ("arn:aws-us-gov:s3:us-gov-west-1:111122223333:accesspoint/logs-reader/object/cf", alias),
            ("arn:aws:s3::111122223333:accesspoint/mfzwi23gnjvgw.mrap/cf", "a multi-region access point"),
            ("arn:aws:s3:::logs/cf", "name it as `s3://logs/PREFIX`"),
            ("arn:aws:s3-object-lambda:eu-west-1:111122223333:accesspoint/x", "an Object Lambda access point"),
            ("arn:aws:s3-outposts:eu-west-1:111122223333:outpost/op-1/accesspoint/x", "on Outposts"),
            ("arn:aws:s3express:us-west-2:111122223333:bucket/x--usw2-az1--x-s3", "a directory bucket"),
            ("arn:aws:s3tables:us-west-2:111122223333:bucket/x", "no bucket that can be read"),
        ] {
            for scheme in ["", "s3://", "S3://", "s3a://"] {
                let text = format!("{scheme}{text}");
                assert!(Prefix::is_url(&text), "{text}");
                let error = Prefix::parse("list", &text).unwrap_err();
                assert!(error.is_usage() && error.to_string().contains(says), "{text}: {error}");
            }
        }
        let text =
            Prefix::parse("list", "s3://arn:aws:s3:eu-west-1:111122223333:accesspoint/a/b").unwrap_err().to_string();
        assert!(text.contains("aws s3control get-access-point --account-id 111122223333 --name a`"), "{text}");
    }

    #[test]
    fn names_that_aws_keeps_for_other_things_are_refused_and_aliases_of_access_points_are_not() {
        for name in ["logs--use1-az5--x-s3", "ap--use1-az5--xa-s3", "ap-abc--ol-s3", "ap-abc--op-s3", "x--table-s3"] {
            assert!(Prefix::parse("list", &format!("s3://{name}/cf")).unwrap_err().is_usage(), "{name}");
            // Other stores have no such rule.
            assert!(Prefix::parse("list", &format!("gs://{name}/cf")).is_ok(), "{name}");
        }
        for name in ["logs-reader-abc123abc123abc123abc123abc1usw2a-s3alias", "a--b", "x-s3"] {
            assert!(Prefix::parse("list", &format!("s3://{name}/cf")).is_ok(), "{name}");
        }
    }

    #[test]
    fn what_only_looks_like_an_arn_is_shown_to_nobody() {
        for text in
            ["s3://arn:hunter2/x", "s3://arn:aws:iam::1:user/hunter2", "s3://arn:aws:s3:hunter2:hunter2:hunter2/x"]
        {
            let message = Prefix::parse("list", text).unwrap_err().to_string();
            assert!(!message.contains("hunter2:hunter2") && !message.contains("user/hunter2"), "{message}");
        }
        assert!(!Prefix::is_url("arn") && !Prefix::is_url("arn:aws:iam::1:user/x") && !Prefix::is_url("arn:aws"));
    }
}
