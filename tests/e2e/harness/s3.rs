//! A store with the API of S3, in memory and in this process. It records requests, and can return responses that no
//! correct store returns.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    process::Command,
    sync::{Arc, Mutex},
    thread,
};

use jiff::Timestamp;

use crate::seals::crc64nvme;

/// A request.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Bucket and key, decoded, without a slash at the beginning.
    pub(crate) path: String,
    pub(crate) query: BTreeMap<String, String>,
    pub(crate) headers: BTreeMap<String, String>,
}

impl Request {
    /// Returns a header by its lower-case name.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// The store's reaction to a request.
pub(crate) enum Response {
    /// A correct response.
    Correct,
    /// A response with this status line, these headers and this body, without any effect.
    Given(String, String, String),
    /// No response.
    Never,
}

/// The store. It runs until the test process ends.
#[derive(Clone)]
pub(crate) struct S3 {
    port: u16,
    state: Arc<State>,
}

type Respond = Box<dyn Fn(&Request) -> Response + Send + Sync>;

struct State {
    objects: Mutex<BTreeMap<String, Object>>,
    requests: Mutex<Vec<Request>>,
    respond: Respond,
    /// Type of the checksums that it shows; `None` if it shows none.
    checksum_type: Mutex<Option<&'static str>>,
}

struct Object {
    bytes: Vec<u8>,
    etag: String,
    written: Timestamp,
}

impl S3 {
    pub(crate) fn new() -> Self {
        Self::responding(|_| Response::Correct)
    }

    pub(crate) fn responding(respond: impl Fn(&Request) -> Response + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State {
            objects: Mutex::default(),
            requests: Mutex::default(),
            respond: Box::new(respond),
            checksum_type: Mutex::default(),
        });
        let served = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let state = Arc::clone(&served);
                // Ignore: the client handles a broken connection.
                thread::spawn(move || stream.ok().and_then(|mut stream| state.serve(&mut stream)));
            }
        });
        Self { port, state }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn put(&self, path: &str, bytes: impl AsRef<[u8]>) {
        self.state.put(path, bytes.as_ref());
    }

    pub(crate) fn get(&self, path: &str) -> Vec<u8> {
        self.state.objects.lock().unwrap()[path].bytes.clone()
    }

    /// Shows a checksum of this type from now on, if it is asked for.
    pub(crate) fn show_checksums(&self, checksum_type: Option<&'static str>) {
        *self.state.checksum_type.lock().unwrap() = checksum_type;
    }

    /// Returns the requests received so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.state.requests.lock().unwrap().clone()
    }

    /// Configures the program for this store, without the settings of the user who runs the tests.
    pub(crate) fn configure<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy();
            if ["AWS_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"]
                .iter()
                .any(|start| name.to_ascii_uppercase().starts_with(start))
            {
                command.env_remove(&*name);
            }
        }
        command
            .env("HOME", "/nonexistent")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_CONFIG_FILE", "/dev/null")
            .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
            .env("AWS_ENDPOINT_URL_S3", format!("http://127.0.0.1:{}", self.port))
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", "AKIDOFTHETESTS")
            .env("AWS_SECRET_ACCESS_KEY", "secret-of-the-tests")
    }
}

impl State {
    fn put(&self, path: &str, bytes: &[u8]) -> String {
        let mut objects = self.objects.lock().unwrap();
        let etag = format!("\"{:x}-{:x}\"", objects.len(), bytes.len());
        let object = Object { bytes: bytes.to_vec(), etag: etag.clone(), written: Timestamp::now() };
        objects.insert(path.to_owned(), object);
        etag
    }

    /// Serves all requests of one connection. Returns `None` when it ends.
    fn serve(&self, stream: &mut TcpStream) -> Option<()> {
        loop {
            let (request, body) = read(stream)?;
            self.requests.lock().unwrap().push(request.clone());
            let (status, headers, body) = match (self.respond)(&request) {
                Response::Correct => self.correct(&request, &body),
                Response::Given(status, headers, body) => (status, headers, body.into_bytes()),
                // Until the client closes the connection.
                Response::Never => return stream.read(&mut [0]).ok().map(drop),
            };
            let head = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n", body.len());
            stream.write_all(head.as_bytes()).ok()?;
            if request.method != "HEAD" {
                stream.write_all(&body).ok()?;
            }
        }
    }

    fn correct(&self, request: &Request, body: &[u8]) -> (String, String, Vec<u8>) {
        let error = |status: &str, code: &str| {
            (status.to_owned(), String::new(), format!("<Error><Code>{code}</Code></Error>").into_bytes())
        };
        let exists = || self.objects.lock().unwrap().contains_key(&request.path);
        match request.method.as_str() {
            "PUT" if request.header("if-none-match") == "*" && exists() => {
                error("412 Precondition Failed", "PreconditionFailed")
            }
            "PUT" => ("200 OK".into(), format!("ETag: {}\r\n", self.put(&request.path, body)), Vec::new()),
            "DELETE" => {
                self.objects.lock().unwrap().remove(&request.path);
                ("204 No Content".into(), String::new(), Vec::new())
            }
            _ if request.query.contains_key("list-type") => ("200 OK".into(), String::new(), self.list(request).into()),
            _ => {
                let objects = self.objects.lock().unwrap();
                let Some(object) = objects.get(&request.path) else { return error("404 Not Found", "NoSuchKey") };
                let wanted = request.header("if-match");
                if !wanted.is_empty() && wanted != object.etag {
                    return error("412 Precondition Failed", "PreconditionFailed");
                }
                let (status, mut headers, bytes) = object.part(request.header("range"), request.method == "HEAD");
                if let Some(kind) = *self.checksum_type.lock().unwrap()
                    && request.header("x-amz-checksum-mode") == "ENABLED"
                {
                    let crc = crc64nvme(&object.bytes);
                    write!(headers, "x-amz-checksum-crc64nvme: {crc}\r\nx-amz-checksum-type: {kind}\r\n").unwrap();
                }
                (status, headers, bytes)
            }
        }
    }

    fn list(&self, request: &Request) -> String {
        let of = |name: &str| request.query.get(name).map_or("", String::as_str);
        let bucket = request.path.trim_end_matches('/');
        let after = of("start-after").max(of("continuation-token"));
        let most: usize = of("max-keys").parse().unwrap();
        let objects = self.objects.lock().unwrap();
        let keys =
            objects.iter().filter_map(|(path, object)| Some((path.strip_prefix(bucket)?.strip_prefix('/')?, object)));
        let mut keys = keys.filter(|(key, _)| key.starts_with(of("prefix")) && *key > after);
        let mut text = "<ListBucketResult>".to_owned();
        let mut last = "";
        for (key, object) in keys.by_ref().take(most) {
            let Object { bytes, etag, written } = object;
            write!(
                text,
                "<Contents><Key>{key}</Key><LastModified>{written}</LastModified><ETag>{etag}</ETag><Size>{}</Size></Contents>",
                bytes.len()
            )
            .unwrap();
            last = key;
        }
        let is_more = keys.next().is_some();
        if is_more {
            write!(text, "<NextContinuationToken>{last}</NextContinuationToken>").unwrap();
        }
        text + &format!("<IsTruncated>{is_more}</IsTruncated></ListBucketResult>")
    }
}

impl Object {
    fn part(&self, range: &str, is_head: bool) -> (String, String, Vec<u8>) {
        let written = self.written.strftime("%a, %d %b %Y %H:%M:%S GMT");
        let mut headers = format!("ETag: {}\r\nLast-Modified: {written}\r\n", self.etag);
        let len = self.bytes.len();
        let Some((start, end)) = range.strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
            return ("200 OK".into(), headers, self.bytes.clone());
        };
        let number = |text: &str| text.parse::<usize>().ok();
        let part = match (number(start), number(end)) {
            (Some(start), end) => start..end.map_or(len, |end| len.min(end + 1)),
            (None, last) => len.saturating_sub(last.unwrap())..len,
        };
        if part.start >= len && !is_head {
            return ("416 Range Not Satisfiable".into(), headers, Vec::new());
        }
        write!(headers, "Content-Range: bytes {}-{}/{len}\r\n", part.start, part.end - 1).unwrap();
        ("206 Partial Content".into(), headers, self.bytes[part].to_vec())
    }
}

/// Returns the next request and its body; `None` if the connection ends.
fn read(stream: &mut TcpStream) -> Option<(Request, Vec<u8>)> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let mut lines = head.trim_end().split("\r\n");
    let mut start = lines.next()?.split(' ');
    let (method, target) = (start.next()?.to_owned(), start.next()?);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let headers: BTreeMap<String, String> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let query = query.split('&').filter_map(|pair| pair.split_once('='));
    let query = query.map(|(name, value)| (decoded(name), decoded(value))).collect();
    let mut body = vec![0; headers.get("content-length").map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut body).ok()?;
    Some((Request { method, path: decoded(path.trim_start_matches('/')), query, headers }, body))
}

/// Returns a text without percent-encoding.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&first, behind)) = rest.split_first() {
        let hex = behind.get(..2).filter(|_| first == b'%').and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => (bytes.push(byte), rest = &behind[2..]),
            None => (bytes.push(first), rest = behind),
        };
    }
    String::from_utf8(bytes).unwrap()
}
