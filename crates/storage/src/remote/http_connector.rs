//! Each request on its way to a store, and each answer on its way back.
//!
//! `object_store` makes the requests. This layer below it retries them if that may help: each attempt is signed with
//! credentials that are valid *then*, gets the headers that `object_store` has no option for, and has its refusals
//! read, so that errors can say what to do about them. Only an answer whose body breaks off is requested again by its
//! reader.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::TryStreamExt as _;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use object_store::ClientOptions;
use object_store::aws::AwsAuthorizer;
use object_store::client::{
    ClientConfigKey, HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody,
};

use super::credentials::Credentials;
use super::failure::{Failure, Witness};
use super::no_result::{NoAnswer, is_final};
use super::retry::Retry;
use super::secrets::Secrets;
use super::transport::Transport;

/// SHA-256 of a body that cannot be looked at, in a request's extensions.
#[derive(Clone, Copy, Debug)]
pub(super) struct BodyHash(pub(super) [u8; 32]);

/// Signing of requests to S3.
#[derive(Clone, Debug)]
pub(super) struct Signing {
    pub(super) credentials: Credentials,
    pub(super) region: String,
    pub(super) request_payer: bool,
}

/// Connects to one bucket: all its requests go through this.
#[derive(Clone, Debug, Default)]
pub(super) struct StoreConnector {
    /// `None`: `object_store` signs, or requests are not signed.
    pub(super) signing: Option<Signing>,
    /// Headers of all `PUT` requests.
    pub(super) put_headers: Vec<(HeaderName, HeaderValue)>,
    /// True if the store decompresses objects whose metadata says gzip, unless the request accepts gzip.
    pub(super) unpacks: bool,
    pub(super) transport: Transport,
}

impl StoreConnector {
    /// Returns the encodings that an answer with an object's bytes may have: as they are stored, not as a proxy compresses
    /// them.
    ///
    /// An object of Google with `Content-Encoding: gzip` is decompressed for requests that do not accept gzip: then
    /// its size, ranges and checksum differ from the list. Google's interface for S3 does the same.
    fn accepted_encoding(&self, request: &HttpRequest) -> HeaderValue {
        let host = request.uri().host().expect("requests to stores have absolute URLs");
        let is_google = host == GOOGLE_HOST || host.strip_suffix(GOOGLE_HOST).is_some_and(|rest| rest.ends_with('.'));
        HeaderValue::from_static(if self.unpacks || is_google { "gzip" } else { "identity" })
    }
}

/// Google's host, which has an interface for S3 as well.
const GOOGLE_HOST: &str = "storage.googleapis.com";

/// In a request's extensions: the answer is an object's bytes, or says how many they are. A list may come packed.
#[derive(Clone, Copy, Debug)]
pub(super) struct AsStored;

/// Time limit for connecting to the service that gives an instance its credentials: it is near, or does not exist.
const METADATA_CONNECT: Duration = Duration::from_secs(1);

/// Returns the options that `object_store` itself checks; the transport handles the rest.
pub(super) fn client_options(allow_http: bool) -> ClientOptions {
    ClientOptions::new().with_allow_http(allow_http)
}

impl HttpConnector for StoreConnector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let of = |options: &ClientOptions, key| options.get_config_value(&key);
        let allow_http = of(options, ClientConfigKey::AllowHttp).is_some_and(|value| value == "true");
        // `object_store` changes only this option, and only for that service.
        let is_changed = of(options, ClientConfigKey::ConnectTimeout)
            != of(&client_options(allow_http), ClientConfigKey::ConnectTimeout);
        let connect = if is_changed { METADATA_CONNECT } else { self.transport.patience.connect };
        let inner = self.transport.client(allow_http, connect);
        let inner = inner.map_err(|error| object_store::Error::Generic { store: "HTTP", source: Box::new(error) })?;
        Ok(HttpClient::new(StoreHttp {
            inner: HttpClient::new(inner),
            connector: self.clone(),
            has_answered: AtomicBool::new(false),
            num_unconnected: AtomicU32::new(0),
        }))
    }
}

#[derive(Debug)]
struct StoreHttp {
    inner: HttpClient,
    connector: StoreConnector,
    has_answered: AtomicBool,
    num_unconnected: AtomicU32,
}

/// Number of attempts to connect to a host that was never reached: the endpoint is more likely wrong than down.
const MAX_FIRST_CONNECTS: u32 = 5;

#[async_trait]
impl object_store::client::HttpService for StoreHttp {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let mut retry = Retry::new(self.connector.transport.patience);
        let mut is_renewed = false;
        loop {
            // The witness keeps the failure of the last attempt only.
            if let Some(witness) = request.extensions().get::<Witness>() {
                witness.forget();
            }
            match self.try_once(&request).await {
                Ok((response, None)) => return Ok(response),
                Ok((_, Some(failure))) if failure.is_expired() && !is_renewed && self.forgets_credentials() => {
                    is_renewed = true;
                }
                Ok((response, Some(failure))) => {
                    tell(&request, &failure);
                    let may_pass = failure.is_passing() || failure.is_overload();
                    if !(may_pass && retry.once_more().await) {
                        note(&request, failure);
                        return Ok(response);
                    }
                }
                Err(error) if is_final(&error) || error.kind() == HttpErrorKind::Unknown => return Err(error),
                Err(error) => {
                    if !retry.once_more().await {
                        return Err(given_up(&request, error));
                    }
                }
            }
        }
    }
}

impl StoreHttp {
    /// Discards the credentials, so that new ones are requested. Returns whether requests are signed here.
    fn forgets_credentials(&self) -> bool {
        let signing = self.connector.signing.as_ref();
        signing.inspect(|signing| signing.credentials.forget()).is_some()
    }

    /// Sends a request; returns its answer, and the refusal if it is one.
    async fn try_once(&self, request: &HttpRequest) -> Result<(HttpResponse, Option<Failure>), HttpError> {
        let sent = self.prepared(request).await?;
        let secrets = Secrets::of_request(&sent);
        match self.inner.execute(sent).await {
            Ok(response) => {
                self.has_answered.store(true, Ordering::Relaxed);
                let secrets =
                    secrets.and(self.connector.signing.as_ref().and_then(|signing| signing.credentials.known()));
                looked_at(response, &secrets).await
            }
            Err(error) => Err(self.unanswered(request, error)),
        }
    }

    /// Returns the same error, with the host that does not answer.
    fn unanswered(&self, request: &HttpRequest, error: HttpError) -> HttpError {
        let host = host_of(request);
        tracing::info!("{} {}: no answer from {host}", request.method(), request.uri().path());
        let is_first = error.kind() == HttpErrorKind::Connect && !self.has_answered.load(Ordering::Relaxed);
        let is_final = is_first && self.num_unconnected.fetch_add(1, Ordering::Relaxed) + 1 >= MAX_FIRST_CONNECTS;
        let kind = error.kind();
        HttpError::new(kind, NoAnswer { host, is_final, source: error })
    }

    /// Returns the request as it is sent.
    async fn prepared(&self, request: &HttpRequest) -> Result<HttpRequest, HttpError> {
        let mut request = request.clone();
        if request.method() == Method::PUT {
            for (name, value) in &self.connector.put_headers {
                request.headers_mut().insert(name.clone(), value.clone());
            }
        }
        if let Some(Signing { credentials, region, request_payer }) = &self.connector.signing {
            let credential =
                credentials.current().await.map_err(|error| HttpError::new(HttpErrorKind::Unknown, error))?;
            let hash = request.extensions().get().map(|BodyHash(hash)| *hash);
            AwsAuthorizer::new(&credential, "s3", region)
                .with_request_payer(*request_payer)
                .authorize(&mut request, hash.as_ref().map(<[u8; 32]>::as_slice));
        }
        // Not signed: a proxy may change it.
        if request.extensions().get::<AsStored>().is_some() {
            let encoding = self.connector.accepted_encoding(&request);
            request.headers_mut().insert(http::header::ACCEPT_ENCODING, encoding);
        }
        Ok(request)
    }
}

/// Returns the host and port of the request's URL.
fn host_of(request: &HttpRequest) -> String {
    request.uri().authority().expect("requests to stores have absolute URLs").to_string()
}

/// Returns the error of a request that is not retried any more.
fn given_up(request: &HttpRequest, error: HttpError) -> HttpError {
    HttpError::new(error.kind(), NoAnswer { host: host_of(request), is_final: true, source: error })
}

/// Logs a refusal that may be temporary.
fn tell(request: &HttpRequest, failure: &Failure) {
    if failure.is_passing() {
        // The path is bucket and key, percent-encoded; the query after it may hold a signature.
        tracing::info!("{} {}: {failure}", request.method(), request.uri().path());
    }
}

/// Notes the refusal for the caller that waits for the answer.
fn note(request: &HttpRequest, failure: Failure) {
    if let Some(witness) = request.extensions().get::<Witness>() {
        witness.note(failure);
    }
}

/// Returns an answer, and the refusal if it is one: then its body is replaced by a text that may be shown.
async fn looked_at(response: HttpResponse, secrets: &Secrets) -> Result<(HttpResponse, Option<Failure>), HttpError> {
    let status = response.status();
    let (mut parts, body) = response.into_parts();
    if status.is_success() {
        take_out(secrets, &mut parts.headers);
        return Ok((HttpResponse::from_parts(parts, body), None));
    }
    // Ignore a body that breaks off or is too long: the status says enough.
    let bytes = at_most(body, MAX_REFUSAL_BYTES).await.ok().flatten().unwrap_or_default();
    let failure = Failure::of(status, &parts.headers, &bytes, secrets);
    parts.headers.remove(http::header::CONTENT_LENGTH);
    Ok((HttpResponse::from_parts(parts, failure.to_string().into()), Some(failure)))
}

/// Headers that error messages may show, whole or in part.
const SHOWN: [HeaderName; 4] =
    [http::header::CONTENT_LENGTH, http::header::CONTENT_RANGE, http::header::ETAG, http::header::LAST_MODIFIED];

/// Removes secrets from the headers that messages may show.
fn take_out(secrets: &Secrets, headers: &mut HeaderMap) {
    for (_, value) in headers.iter_mut().filter(|(name, _)| SHOWN.contains(name)) {
        let Some(text) = value.to_str().ok().filter(|text| !is_honest(text)) else { continue };
        if let Ok(shown) = HeaderValue::from_str(&secrets.out_of(text)) {
            *value = shown;
        }
    }
}

/// Returns whether a value is a time, a range, a number or a hash, as nearly all are: searching every answer for
/// secrets would be slow.
fn is_honest(text: &str) -> bool {
    const MAX_BYTES: usize = 40;
    let text = text.strip_prefix("bytes ").unwrap_or(text);
    let is_time = text.len() == "Thu, 02 Jan 2025 03:04:05 GMT".len() && text.ends_with(" GMT");
    is_time || (text.len() <= MAX_BYTES && text.bytes().all(|byte| byte.is_ascii_hexdigit() || b"\"-/".contains(&byte)))
}

/// Longest refusal that is read: 64 KiB.
const MAX_REFUSAL_BYTES: usize = 64 << 10;

/// Returns a body; `None` if it is longer than this.
pub(super) async fn at_most(body: HttpResponseBody, bytes: usize) -> Result<Option<Bytes>, HttpError> {
    let mut stream = body.bytes_stream();
    let mut all = Vec::new();
    while let Some(piece) = stream.try_next().await? {
        if all.len() + piece.len() > bytes {
            return Ok(None);
        }
        all.extend_from_slice(&piece);
    }
    Ok(Some(all.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use object_store::client::HttpRequestBody;

    #[test]
    fn usual_headers_are_kept_and_secrets_removed() {
        let request = http::Request::builder().header("x-amz-security-token", "token-of-hunter2/x+y==");
        let secrets = Secrets::of_request(&request.body(HttpRequestBody::empty()).unwrap());
        for (name, honest) in [
            (http::header::ETAG, "\"9bb58f26192e4ba00f01e2e7b136bbd8-12\""),
            (http::header::ETAG, "\"0x8DC582BAE52E5D9\""),
            (http::header::LAST_MODIFIED, "Thu, 02 Jan 2025 03:04:05 GMT"),
            (http::header::CONTENT_RANGE, "bytes 0-4194303/90071992547"),
            (http::header::CONTENT_LENGTH, "4194304"),
        ] {
            for (value, shown) in [(honest, honest), ("is token-of-hunter2/x+y==", "is [removed]")] {
                let mut headers = HeaderMap::from_iter([(name.clone(), HeaderValue::from_static(value))]);
                headers.append(name.clone(), HeaderValue::from_static(value));
                take_out(&secrets, &mut headers);
                assert!(headers.get_all(&name).iter().all(|value| value == shown), "{headers:?}");
            }
        }
    }
}
