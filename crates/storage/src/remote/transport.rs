//! Bytes of requests out, bytes of answers in.
//!
//! **Invariants**
//! - A request, and the credentials in it, is sent only to the host that it names: a redirect to another host, or to
//!   another port or scheme of the same host, is not followed but returned as the answer.
//! - A request ends with an error if no byte of it or of its answer moves for some time.

use std::error::Error as StdError;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::HeaderValue;
use http_body::{Body, Frame, SizeHint};
use object_store::client::{
    HttpError, HttpErrorKind, HttpRequest, HttpRequestBody, HttpResponse, HttpResponseBody, HttpService,
};
use reqwest::Url;
use reqwest::redirect::{Attempt, Policy};
use tokio::time::{Instant, Sleep};

use super::retry::Patience;
use super::trust::Trust;

/// Configuration of connections to stores.
#[derive(Clone, Debug, Default)]
pub(super) struct Transport {
    pub(super) trust: Trust,
    pub(super) patience: Patience,
    /// Number of idle connections to a host that are kept for later requests.
    pub(super) max_idle: usize,
}

/// Number of redirects within one host that are followed.
const MAX_REDIRECTS: usize = 5;

impl Transport {
    /// Returns a client with connections of its own.
    pub(super) fn client(&self, allow_http: bool, connect: Duration) -> Result<Client, reqwest::Error> {
        let builder = reqwest::Client::builder()
            .user_agent(HeaderValue::from_static(concat!("lakefront/", env!("CARGO_PKG_VERSION"))))
            .connect_timeout(connect)
            .timeout(self.patience.whole)
            .pool_max_idle_per_host(self.max_idle)
            .redirect(Policy::custom(within_host))
            .https_only(!allow_http);
        Ok(Client { client: self.trust.of_stores(builder).build()?, silence: self.patience.silence })
    }
}

/// Follows a redirect to the origin of the request, and no other.
fn within_host(attempt: Attempt<'_>) -> reqwest::redirect::Action {
    let stays = attempt.previous().last().is_some_and(|from| from.origin() == attempt.url().origin());
    if stays && attempt.previous().len() <= MAX_REDIRECTS { attempt.follow() } else { attempt.stop() }
}

/// Sends requests.
#[derive(Clone, Debug)]
pub(super) struct Client {
    client: reqwest::Client,
    silence: Duration,
}

#[async_trait]
impl HttpService for Client {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let (parts, body) = request.into_parts();
        let url = Url::parse(&parts.uri.to_string()).map_err(|error| HttpError::new(HttpErrorKind::Unknown, error))?;
        let moves = Moves::default();
        let mut sent = reqwest::Request::new(parts.method, url);
        *sent.headers_mut() = parts.headers;
        *sent.body_mut() = Some(match body.as_bytes() {
            Some(bytes) => bytes.clone().into(),
            None => reqwest::Body::wrap(Outgoing { body, moves: moves.clone() }),
        });
        let answer = tokio::select! {
            answer = self.client.execute(sent) => answer.map_err(as_http_error)?,
            () = moves.end(self.silence) => return Err(silent(self.silence)),
        };
        let (parts, body) = http::Response::<reqwest::Body>::from(answer).into_parts();
        let timer = Box::pin(tokio::time::sleep(self.silence));
        let body = Incoming { body, silence: self.silence, timer, is_waiting: false };
        Ok(HttpResponse::from_parts(parts, HttpResponseBody::new(body)))
    }
}

/// Time at which a piece of the request's body was last taken to be sent.
#[derive(Clone, Debug)]
struct Moves(Arc<Mutex<Instant>>);

impl Default for Moves {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Instant::now())))
    }
}

impl Moves {
    fn one(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn last(&self) -> Instant {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until nothing has been sent for this long.
    async fn end(&self, silence: Duration) {
        loop {
            let last = self.last();
            tokio::time::sleep_until(last + silence).await;
            if self.last() == last {
                return;
            }
        }
    }
}

/// The body of a request, which records when a piece of it is taken.
struct Outgoing {
    body: HttpRequestBody,
    moves: Moves,
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        self.moves.one();
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The body of an answer, which ends with an error if no byte arrives for some time.
struct Incoming {
    body: reqwest::Body,
    silence: Duration,
    timer: Pin<Box<Sleep>>,
    /// True if the timer runs: it counts only while a reader waits for bytes.
    is_waiting: bool,
}

impl Body for Incoming {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        let this = &mut *self;
        if let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(context) {
            this.is_waiting = false;
            return Poll::Ready(frame.map(|frame| frame.map_err(as_http_error)));
        }
        if !this.is_waiting {
            this.is_waiting = true;
            this.timer.as_mut().reset(Instant::now() + this.silence);
        }
        this.timer.as_mut().poll(context).map(|()| Some(Err(silent(this.silence))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Returns the error of a request that made no progress for this long.
#[derive(Debug)]
pub(super) struct Silent(Duration);

impl fmt::Display for Silent {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "nothing came for {} s", self.0.as_secs_f32())
    }
}

impl StdError for Silent {}

fn silent(silence: Duration) -> HttpError {
    HttpError::new(HttpErrorKind::Timeout, Silent(silence))
}

/// Returns the same error without its URL, which may hold a signature.
fn as_http_error(error: reqwest::Error) -> HttpError {
    let kind = if error.is_timeout() {
        HttpErrorKind::Timeout
    } else if error.is_connect() {
        HttpErrorKind::Connect
    } else if error.is_builder() || error.is_redirect() {
        HttpErrorKind::Unknown
    } else if error.is_decode() {
        HttpErrorKind::Decode
    } else {
        HttpErrorKind::Interrupted
    };
    HttpError::new(kind, error.without_url())
}

#[cfg(test)]
mod tests;
