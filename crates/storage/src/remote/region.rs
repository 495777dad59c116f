//! The region of a bucket of AWS, if it is not configured: AWS tells it in answer to any request for the bucket.

use http::{Method, StatusCode};
use object_store::client::{HttpConnector as _, HttpRequest, HttpRequestBody};

use super::bucket::{Bucket, fits_host};
use super::http_connector::StoreConnector;
use super::http_connector::client_options;
use super::request_context::RequestContext;
use super::settings::is_region;
use super::transport::Transport;
use crate::Error;
use crate::error::{Operation, Request};
use crate::printable::printable_name;

/// Returns the region of a bucket.
///
/// # Errors
///
/// [`Error::NoBucket`] if there is none of this name; [`Error::NoRegion`] if the answer does not name the region; or the
/// network fails.
pub(super) async fn region_of(bucket: &Bucket, transport: Transport) -> Result<String, Error> {
    let host = host_for(&bucket.name);
    let place = RequestContext { doing: Operation::Store, request: Request::Find, bucket, key: "" };
    let unusable = |error: &(dyn std::error::Error + 'static)| place.error(None, error);
    let connector = StoreConnector { transport, ..StoreConnector::default() };
    let client = connector.connect(&client_options(false)).map_err(|error| unusable(&error))?;
    let request = http::Request::builder().method(Method::HEAD).uri(url_for(&bucket.name));
    let request: HttpRequest = request.body(HttpRequestBody::empty()).map_err(|error| unusable(&error))?;
    let response = client.execute(request).await.map_err(|error| unusable(&error))?;
    let region = response.headers().get("x-amz-bucket-region").and_then(|region| region.to_str().ok());
    match (region, response.status()) {
        (Some(region), _) if is_region(region) => Ok(region.to_owned()),
        (_, StatusCode::NOT_FOUND) => {
            let location = bucket.to_string();
            Err(Error::NoBucket { doing: Operation::Store, bucket: location.clone(), location })
        }
        _ => Err(Error::NoRegion { bucket: bucket.to_string(), host: printable_name(&host) }),
    }
}

/// Returns the host to ask. If the name cannot be part of a host, a region's own endpoint names the bucket's region instead of
/// redirecting there.
fn host_for(bucket: &str) -> String {
    if fits_host(bucket) { format!("{bucket}.s3.amazonaws.com") } else { "s3.us-east-1.amazonaws.com".to_owned() }
}

fn url_for(bucket: &str) -> String {
    let host = host_for(bucket);
    if fits_host(bucket) { format!("https://{host}/") } else { format!("https://{host}/{bucket}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_with_dots_is_asked_for_in_the_path() {
        assert_eq!(url_for("logs"), "https://logs.s3.amazonaws.com/");
        assert_eq!(url_for("My_Logs"), "https://s3.us-east-1.amazonaws.com/My_Logs");
        assert_eq!(url_for("my.logs.example"), "https://s3.us-east-1.amazonaws.com/my.logs.example");
        assert!(is_region("eu-west-1") && !is_region("x.example.com") && !is_region(""));
    }
}
