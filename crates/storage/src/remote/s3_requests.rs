//! Requests to S3 that `object_store` cannot send: its lists fail for one key that it cannot name, and it deletes in bulk,
//! which not all stores support, and where a refusal is part of a success. Nor does it return checksums.

use std::error::Error as StdError;

use http::{HeaderMap, Method};
use object_store::client::{HttpClient, HttpRequest, HttpRequestBody};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::failure::{Failure, Witness};
use super::http_connector::{AsStored, at_most};
use super::no_result::{MAX_ANSWER_BYTES, TooLong, is_final};
use super::retry::{Patience, Retry};
use crate::{Crc64Nvme, StoredChecksum};

/// Sends requests to one bucket of S3.
#[derive(Debug)]
pub(super) struct S3Requests {
    client: HttpClient,
    bucket_url: String,
    patience: Patience,
}

/// A failed request: the store's refusal, if it was one, and the error of the layers below.
pub(super) type Refused = (Option<Failure>, Box<dyn StdError + Send + Sync>);

/// Characters that are percent-encoded in the path of a URL.
const IN_PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_').remove(b'~');

impl S3Requests {
    pub(super) fn new(client: HttpClient, bucket_url: String, patience: Patience) -> Self {
        Self { client, bucket_url, patience }
    }

    /// Lists with these parameters, which are encoded here, and returns the body of the answer.
    pub(super) async fn list(&self, parameters: &[(&str, &str)]) -> Result<Vec<u8>, Refused> {
        let encoded = |text| utf8_percent_encode(text, NON_ALPHANUMERIC);
        let query: Vec<String> = parameters.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        self.send(&Method::GET, &format!("?{}", query.join("&"))).await.map(|(_headers, body)| body)
    }

    /// Deletes a key, which may be missing.
    pub(super) async fn delete(&self, key: &str) -> Result<(), Refused> {
        self.send(&Method::DELETE, &format!("/{}", utf8_percent_encode(key, IN_PATH))).await.map(|_answer| ())
    }

    /// Returns the checksum that the store keeps of the whole object under a key; `None` if it keeps none.
    pub(super) async fn checksum(&self, key: &str) -> Result<Option<StoredChecksum>, Refused> {
        let answer = self.send(&Method::HEAD, &format!("/{}", utf8_percent_encode(key, IN_PATH))).await;
        answer.map(|(headers, _body)| checksum_in(&headers))
    }

    /// Sends a request, retries it if its answer breaks off, and returns headers and body of the answer.
    async fn send(&self, method: &Method, target: &str) -> Result<(HeaderMap, Vec<u8>), Refused> {
        let mut retry = Retry::new(self.patience);
        loop {
            let witness = Witness::default();
            let error = match self.send_once(method, target, &witness).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let failure = witness.seen();
            // Refusals were retried in `http_connector`.
            if failure.is_some() || is_final(error.as_ref()) || !retry.once_more().await {
                return Err((failure, error));
            }
        }
    }

    async fn send_once(
        &self,
        method: &Method,
        target: &str,
        witness: &Witness,
    ) -> Result<(HeaderMap, Vec<u8>), Box<dyn StdError + Send + Sync>> {
        let request = http::Request::builder()
            .method(method)
            .uri(format!("{}{target}", self.bucket_url))
            .extension(witness.clone());
        let request = if method == Method::HEAD {
            // Without this header the store does not show the checksum.
            request.header("x-amz-checksum-mode", "ENABLED").extension(AsStored)
        } else {
            // Lists then tell which archived objects were restored.
            request.header("x-amz-optional-object-attributes", "RestoreStatus")
        };
        let request: HttpRequest = request.body(HttpRequestBody::empty())?;
        let response = self.client.execute(request).await?;
        if !response.status().is_success() {
            return Err(response.status().to_string().into());
        }
        let (parts, body) = response.into_parts();
        let body = at_most(body, MAX_ANSWER_BYTES).await?.ok_or(TooLong)?;
        Ok((parts.headers, body.into()))
    }
}

/// Returns the checksum of a whole object, as the answer to a `HEAD` request shows it. A checksum of checksums of parts
/// (`COMPOSITE`), or one of an unnamed type, is none.
fn checksum_in(headers: &HeaderMap) -> Option<StoredChecksum> {
    let text = |name| headers.get(name)?.to_str().ok();
    if text("x-amz-checksum-type")? != "FULL_OBJECT" {
        return None;
    }
    let size_bytes = text("content-length")?.parse().ok()?;
    Some(StoredChecksum { size_bytes, crc64nvme: Crc64Nvme::parse(text("x-amz-checksum-crc64nvme")?)? })
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn only_a_checksum_of_the_whole_object_counts() {
        let good = [
            ("content-length", "9"),
            ("x-amz-checksum-crc64nvme", "rosUhgp5mIg="),
            ("x-amz-checksum-type", "FULL_OBJECT"),
        ];
        let found = |headers: &[(&'static str, &'static str)]| {
            let headers = headers.iter().copied();
            let header = |(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value));
            checksum_in(&headers.map(header).collect())
        };
        let expected = StoredChecksum { size_bytes: 9, crc64nvme: Crc64Nvme::of(b"123456789") };
        assert_eq!(found(&good), Some(expected));
        for (index, (name, _)) in good.into_iter().enumerate() {
            let mut headers = good.to_vec();
            headers.remove(index);
            assert_eq!(found(&headers), None, "without {name}");
        }
        for (index, value) in [(0, "nine"), (1, "rosUhgp5mIg=-2"), (1, ""), (2, "COMPOSITE"), (2, "full_object")] {
            let mut headers = good;
            headers[index].1 = value;
            assert_eq!(found(&headers), None, "{value}");
        }
        assert_eq!(found(&[good[0], ("x-amz-checksum-crc32", "y/Q5Jg=="), good[2]]), None);
    }
}
