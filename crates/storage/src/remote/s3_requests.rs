//! Requests to S3 that `object_store` cannot send: its lists fail for one key that it cannot name, and it deletes in bulk,
//! which not all stores support, and where a refusal is part of a success.

use std::error::Error as StdError;

use http::Method;
use object_store::client::{HttpClient, HttpRequest, HttpRequestBody};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::failure::{Failure, Witness};
use super::http_connector::at_most;
use super::no_result::{MAX_ANSWER_BYTES, TooLong, is_final};
use super::retry::{Patience, Retry};

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
        self.send(&Method::GET, &format!("?{}", query.join("&"))).await
    }

    /// Deletes a key, which may be missing.
    pub(super) async fn delete(&self, key: &str) -> Result<(), Refused> {
        self.send(&Method::DELETE, &format!("/{}", utf8_percent_encode(key, IN_PATH))).await.map(|_body| ())
    }

    /// Sends a request, retries it if its answer breaks off, and returns the body of the answer.
    async fn send(&self, method: &Method, target: &str) -> Result<Vec<u8>, Refused> {
        let mut retry = Retry::new(self.patience);
        loop {
            let witness = Witness::default();
            let error = match self.send_once(method, target, &witness).await {
                Ok(body) => return Ok(body),
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
    ) -> Result<Vec<u8>, Box<dyn StdError + Send + Sync>> {
        let request = http::Request::builder()
            .method(method)
            .uri(format!("{}{target}", self.bucket_url))
            // Lists then tell which archived objects were restored.
            .header("x-amz-optional-object-attributes", "RestoreStatus")
            .extension(witness.clone());
        let request: HttpRequest = request.body(HttpRequestBody::empty())?;
        let response = self.client.execute(request).await?;
        if !response.status().is_success() {
            return Err(response.status().to_string().into());
        }
        at_most(response.into_body(), MAX_ANSWER_BYTES).await?.map(Into::into).ok_or_else(|| TooLong.into())
    }
}
