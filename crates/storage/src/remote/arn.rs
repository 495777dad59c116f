//! Refuses ARNs, and names that AWS keeps for other things than buckets.

use super::bucket::is_bucket_name;
use crate::Error;
use crate::error::{NotABucket, Operation};
use crate::printable::printable_name;

/// Number of parts of an ARN before its resource: `arn`, partition, service, region, account.
const PARTS_BEFORE_RESOURCE: usize = 5;

/// Returns whether a location begins with an ARN of S3. AWS's tools take `s3://arn:...`, people also type the ARN alone.
pub(super) fn is_arn(text: &str) -> bool {
    text.strip_prefix("arn:aws").is_some_and(|rest| rest.split(':').nth(1).is_some_and(|part| part.starts_with("s3")))
}

/// Returns the error for an ARN.
pub(super) fn refused(doing: Operation, arn: &str) -> Error {
    let parts: Vec<&str> = arn.splitn(PARTS_BEFORE_RESOURCE + 1, ':').collect();
    let part = |index: usize| parts.get(index).copied().unwrap_or_default();
    let (service, region, account, resource) = (part(2), part(3), part(4), part(5));
    // `accesspoint/NAME/...`, `accesspoint:NAME/...`, `bucket/NAME/...`, `NAME/...`
    let mut names = resource.split(['/', ':']);
    let kind = names.next().expect("a text has a first part");
    let what = match (service, kind) {
        ("s3", "accesspoint") if region.is_empty() => NotABucket::MultiRegionAccessPoint,
        ("s3", "accesspoint") => {
            let valid = |text: &str| is_bucket_name(text).then(|| text.to_owned());
            NotABucket::AccessPoint { name: names.next().and_then(valid), account: valid(account) }
        }
        ("s3", bucket) if account.is_empty() && is_bucket_name(bucket) => {
            NotABucket::BucketArn { bucket: bucket.to_owned() }
        }
        ("s3-object-lambda", _) => NotABucket::ObjectLambda,
        ("s3-outposts", _) => NotABucket::Outposts,
        ("s3express", _) => NotABucket::DirectoryBucket,
        _ => NotABucket::Unknown,
    };
    let service = if is_bucket_name(service) { service } else { "s3" };
    Error::NotABucket { doing, name: format!("arn:...:{service}:...:{}", printable_name(kind)), what }
}

/// Returns the error for a name that AWS keeps for something else; `None` if it names a bucket, or is an alias of an access
/// point.
pub(super) fn reserved(doing: Operation, bucket: &str) -> Option<Error> {
    let what = match bucket.rsplit_once("--")?.1 {
        "ol-s3" => NotABucket::ObjectLambda,
        "op-s3" => NotABucket::Outposts,
        "x-s3" | "xa-s3" => NotABucket::DirectoryBucket,
        "table-s3" => NotABucket::TableBucket,
        _ => return None,
    };
    Some(Error::NotABucket { doing, name: printable_name(bucket), what })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remote::url::Prefix;

    #[test]
    fn an_arn_is_refused_by_what_it_names() {
        let access_point = |account: &str| NotABucket::AccessPoint {
            name: Some("logs-reader".into()),
            account: is_bucket_name(account).then(|| account.into()),
        };
        for (text, expected) in [
            ("arn:aws:s3:eu-west-1:111122223333:accesspoint/logs-reader/cf", access_point("111122223333")),
            ("arn:aws:s3:eu-west-1:111122223333:accesspoint:logs-reader/cf", access_point("111122223333")),
            ("arn:aws-cn:s3:cn-north-1:1:accesspoint/logs-reader", access_point("1")),
            ("arn:aws-us-gov:s3:us-gov-west-1::accesspoint/logs-reader/object/cf", access_point("")),
            ("arn:aws:s3::111122223333:accesspoint/mfzwi23gnjvgw.mrap/cf", NotABucket::MultiRegionAccessPoint),
            ("arn:aws:s3:::logs/cf", NotABucket::BucketArn { bucket: "logs".into() }),
            ("arn:aws:s3-object-lambda:eu-west-1:111122223333:accesspoint/x", NotABucket::ObjectLambda),
            ("arn:aws:s3-outposts:eu-west-1:111122223333:outpost/op-1/accesspoint/x", NotABucket::Outposts),
            ("arn:aws:s3express:us-west-2:111122223333:bucket/x--usw2-az1--x-s3", NotABucket::DirectoryBucket),
            ("arn:aws:s3tables:us-west-2:111122223333:bucket/x", NotABucket::Unknown),
        ] {
            for scheme in ["", "s3://", "S3://", "s3a://"] {
                let text = format!("{scheme}{text}");
                assert!(Prefix::is_url(&text), "{text}");
                let error = Prefix::parse(Operation::List, &text).unwrap_err();
                assert!(error.is_usage(), "{text}");
                assert!(matches!(&error, Error::NotABucket { what, .. } if *what == expected), "{text}: {error:?}");
            }
        }
    }

    #[test]
    fn names_that_aws_keeps_for_other_things_are_refused_and_aliases_of_access_points_are_not() {
        for name in ["logs--use1-az5--x-s3", "ap--use1-az5--xa-s3", "ap-abc--ol-s3", "ap-abc--op-s3", "x--table-s3"] {
            assert!(Prefix::parse(Operation::List, &format!("s3://{name}/cf")).unwrap_err().is_usage(), "{name}");
            // Other stores have no such rule.
            assert!(Prefix::parse(Operation::List, &format!("gs://{name}/cf")).is_ok(), "{name}");
        }
        for name in ["logs-reader-abc123abc123abc123abc123abc1usw2a-s3alias", "a--b", "x-s3"] {
            assert!(Prefix::parse(Operation::List, &format!("s3://{name}/cf")).is_ok(), "{name}");
        }
    }

    #[test]
    fn a_text_that_only_looks_like_an_arn_is_not_shown() {
        for text in
            ["s3://arn:hunter2/x", "s3://arn:aws:iam::1:user/hunter2", "s3://arn:aws:s3:hunter2:hunter2:hunter2/x"]
        {
            let message = Prefix::parse(Operation::List, text).unwrap_err().to_string();
            assert!(!message.contains("hunter2:hunter2") && !message.contains("user/hunter2"), "{message}");
        }
        assert!(!Prefix::is_url("arn") && !Prefix::is_url("arn:aws:iam::1:user/x") && !Prefix::is_url("arn:aws"));
    }
}
