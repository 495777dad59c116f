//! Stores that are silent, break connections, or redirect: small servers in this process.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::*;
use crate::backend::Backend;
use crate::error::Operation;
use crate::remote::{Bucket, BucketStore, ConnectOptions, Connections, Prefix};
use crate::{Crc64Nvme, Error, StagedBytes, StoredChecksum};

const IMPATIENT: Patience = Patience {
    connect: Duration::from_secs(1),
    silence: Duration::from_millis(300),
    whole: Duration::from_secs(20),
    budget: Duration::from_millis(900),
};

/// A server's reaction to a request.
enum Does {
    /// Answers with this.
    Answers(String),
    /// Sends this beginning of an answer, and then nothing more.
    FallsSilent(&'static str),
    /// Breaks the connection without an answer.
    Breaks,
}

/// Starts a server with a thread for each connection, which serves one request. Returns its URL and a counter of
/// requests.
fn server(does: impl Fn(usize, &str) -> Does + Send + Sync + 'static) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let count = Arc::new(AtomicUsize::new(0));
    let (does, counted) = (Arc::new(does), Arc::clone(&count));
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (does, counted) = (Arc::clone(&does), Arc::clone(&counted));
            thread::spawn(move || serve(stream.unwrap(), &*does, &counted));
        }
    });
    (endpoint, count)
}

fn serve(mut stream: TcpStream, does: &dyn Fn(usize, &str) -> Does, counted: &AtomicUsize) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if stream.read(&mut byte).unwrap_or(0) == 0 {
            return;
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let number = counted.fetch_add(1, Ordering::SeqCst);
    let does = does(number, &head);
    // Read the whole request, so that closing the connection does not discard the answer.
    let length = head
        .to_ascii_lowercase()
        .split("content-length: ")
        .nth(1)
        .map_or(0, |rest| rest.split("\r\n").next().unwrap().parse::<u64>().unwrap());
    std::io::copy(&mut (&stream).take(length), &mut std::io::sink()).unwrap();
    match does {
        Does::Answers(answer) => stream.write_all(answer.as_bytes()).unwrap(),
        Does::FallsSilent(start) => {
            stream.write_all(start.as_bytes()).unwrap();
            // Until the other side gives up.
            let _ = stream.read(&mut [0]);
        }
        Does::Breaks => {}
    }
}

fn answer(status: &str, headers: &str, body: &str) -> Does {
    Does::Answers(format!(
        "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n{body}",
        body.len()
    ))
}

/// Returns a store in a bucket at an endpoint.
fn store(endpoint: &str) -> BucketStore {
    let options = ConnectOptions {
        endpoint_url: Some(endpoint.to_owned()),
        region: Some("us-east-1".to_owned()),
        no_sign_request: true,
        ..ConnectOptions::default()
    };
    let connections = Connections::impatient(options, IMPATIENT);
    let client = connections.client(&Bucket::parse("s3://lake").unwrap()).unwrap();
    BucketStore::new(client, Prefix::parse(Operation::Store, "s3://lake/t").unwrap())
}

const OBJECT: &str = "ETag: \"e\"\r\nLast-Modified: Thu, 02 Jan 2025 03:04:05 GMT\r\n";
const LIST: &str = "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>";

type Ask = Box<dyn Fn(&BucketStore) -> Result<(), Error>>;

/// Requests to a store, by name.
fn requests() -> Vec<(&'static str, Ask)> {
    vec![
        ("list", Box::new(|store| store.list("").map(drop))),
        ("get", Box::new(|store| store.get("a", 0..u64::MAX).map(drop))),
        ("put", Box::new(|store| store.put("a", b"bytes"))),
        ("create", Box::new(|store| created(store, b"bytes"))),
        ("delete", Box::new(|store| store.delete("a"))),
        ("checksum", Box::new(|store| store.checksum("a").map(drop))),
    ]
}

fn created(store: &BucketStore, bytes: &[u8]) -> Result<(), Error> {
    let mut staged: Box<dyn StagedBytes> = store.stage()?;
    staged.append(bytes)?;
    staged.put_if_absent("a")
}

fn fine(head: &str) -> Does {
    let body = if head.contains("list-type=2") { LIST } else { "" };
    answer("200 OK", OBJECT, body)
}

#[test]
fn any_request_that_hangs_once_is_retried() {
    for (name, ask) in requests() {
        for silent in [
            "",
            "HTTP/1.1 200 OK\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 9\r\nETag: \"e\"\r\nLast-Modified: Thu, 02 Jan 2025 03:04:05 GMT\r\n\r\nbyt",
        ] {
            // The bodies of answers to writes are not read.
            if silent.ends_with("byt") && !["list", "get"].contains(&name) {
                continue;
            }
            let (endpoint, count) =
                server(move |number, head| if number == 0 { Does::FallsSilent(silent) } else { fine(head) });
            ask(&store(&endpoint)).unwrap_or_else(|error| panic!("{name} {silent:?}: {error}"));
            assert_eq!(count.load(Ordering::SeqCst), 2, "{name} {silent:?}");
        }
    }
}

#[test]
fn a_store_that_always_hangs_is_given_up() {
    for (name, ask) in requests() {
        let (endpoint, count) = server(|_, _| Does::FallsSilent(""));
        let text = ask(&store(&endpoint)).unwrap_err().to_string();
        let host = endpoint.strip_prefix("http://").unwrap();
        assert!(text.contains(&format!("no answer from `{host}`: nothing came for 0.3 s")), "{name}: {text}");
        assert!(text.starts_with("store: s3://lake"), "{name}: {text}");
        assert!((2..=5).contains(&count.load(Ordering::SeqCst)), "{name}: {count:?}");
    }
}

#[test]
fn a_store_that_always_loses_the_reply_of_a_write_is_given_up() {
    for (name, ask) in requests().into_iter().filter(|(name, _)| ["put", "create"].contains(name)) {
        let (endpoint, count) = server(|_, _| Does::Breaks);
        let text = ask(&store(&endpoint)).unwrap_err().to_string();
        let host = endpoint.strip_prefix("http://").unwrap();
        assert!(text.starts_with("store: s3://lake/t/a: cannot write it: "), "{name}: {text}");
        assert!(text.contains(&format!("no answer from `{host}`")), "{name}: {text}");
        // No layer retries what the layer below it has retried.
        assert!((2..=13).contains(&count.load(Ordering::SeqCst)), "{name}: {count:?}");
    }
}

#[test]
fn the_checksum_of_a_whole_object_is_requested_and_no_other_counts() {
    let found = |status: &'static str, headers: &'static str| {
        let (endpoint, count) = server(move |_, head| {
            assert!(head.starts_with("HEAD /lake/t/a%20b "), "{head}");
            assert!(head.to_ascii_lowercase().contains("\r\nx-amz-checksum-mode: enabled\r\n"), "{head}");
            Does::Answers(format!("HTTP/1.1 {status}\r\nConnection: close\r\n{headers}\r\n"))
        });
        let found = store(&endpoint).checksum("a b");
        assert_eq!(count.load(Ordering::SeqCst), 1, "{status} {headers}");
        found
    };
    let whole = StoredChecksum { size_bytes: 9, crc64nvme: Crc64Nvme::of(b"123456789") };
    let headers = "Content-Length: 9\r\nx-amz-checksum-crc64nvme: rosUhgp5mIg=\r\nx-amz-checksum-type: FULL_OBJECT\r\n";
    assert_eq!(found("200 OK", headers).unwrap(), Some(whole));
    for headers in [
        "Content-Length: 9\r\nx-amz-checksum-crc64nvme: rosUhgp5mIg=\r\nx-amz-checksum-type: COMPOSITE\r\n",
        "Content-Length: 9\r\nx-amz-checksum-crc64nvme: rosUhgp5mIg=-2\r\nx-amz-checksum-type: COMPOSITE\r\n",
        "Content-Length: 9\r\nx-amz-checksum-sha256: x\r\nx-amz-checksum-type: FULL_OBJECT\r\n",
        "Content-Length: 9\r\nx-amz-checksum-crc64nvme: rosUhgp5mIg=\r\n",
        "Content-Length: 9\r\n",
    ] {
        assert_eq!(found("200 OK", headers).unwrap(), None, "{headers}");
    }
    assert!(found("404 Not Found", "Content-Length: 0\r\n").unwrap_err().is_not_found());
    // A store that does not know the header: the bytes are read instead.
    for refusal in ["400 Bad Request", "403 Forbidden"] {
        assert_eq!(found(refusal, "Content-Length: 0\r\n").unwrap(), None, "{refusal}");
    }
}

#[test]
fn a_slow_upload_is_not_aborted() {
    // The upload takes many times as long as the limit on silence, but each pause is shorter.
    let (endpoint, count) = server(|_, _| answer("200 OK", OBJECT, ""));
    let slow = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = format!("http://{}", slow.local_addr().unwrap());
    thread::spawn(move || {
        let (mut client, _) = slow.accept().unwrap();
        let mut server = TcpStream::connect(endpoint.strip_prefix("http://").unwrap()).unwrap();
        let (mut back, mut front) = (server.try_clone().unwrap(), client.try_clone().unwrap());
        thread::spawn(move || std::io::copy(&mut back, &mut front));
        let mut piece = vec![0; 512 << 10];
        while let Ok(count @ 1..) = client.read(&mut piece) {
            server.write_all(&piece[..count]).unwrap();
            thread::sleep(Duration::from_millis(20));
        }
    });
    created(&store(&at), &vec![7; 24 << 20]).unwrap();
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[test]
fn a_redirect_is_followed_within_the_host_and_to_no_other() {
    let (other, count_of_other) = server(|_, head| fine(head));
    let port = other.rsplit(':').next().unwrap().to_owned();
    for status in ["301", "302", "303", "307", "308"] {
        // A refused request for a checksum is not an error: the bytes are read instead.
        for (name, ask) in requests().into_iter().filter(|(name, _)| *name != "checksum") {
            for target in [format!("{other}/lake/t/a"), format!("http://localhost:{port}/")] {
                let location = format!("Location: {target}\r\n");
                let (endpoint, count) = server(move |_, _| answer(&format!("{status} Moved"), &location, ""));
                let text = ask(&store(&endpoint)).unwrap_err().to_string();
                assert!(text.contains("a redirect to `") && text.contains(&port), "{status} {name}: {text}");
                assert!((1..=2).contains(&count.load(Ordering::SeqCst)), "{status} {name}: {count:?}");
            }
        }
    }
    assert_eq!(count_of_other.load(Ordering::SeqCst), 0);

    let (endpoint, count) =
        server(
            |number, head| {
                if number == 0 { answer("307 Moved", "Location: /lake/moved\r\n", "") } else { fine(head) }
            },
        );
    store(&endpoint).get("a", 0..u64::MAX).unwrap();
    assert_eq!(count.load(Ordering::SeqCst), 2);
}

#[test]
fn a_list_that_repeats_pages_is_refused() {
    let page = "<ListBucketResult><NextContinuationToken>same</NextContinuationToken><IsTruncated>true</IsTruncated></ListBucketResult>";
    let (endpoint, count) = server(move |_, _| answer("200 OK", "", page));
    let text = store(&endpoint).list("").unwrap_err().to_string();
    assert!(text.contains("the list does not go on"), "{text}");
    assert_eq!(count.load(Ordering::SeqCst), 2);

    // The same keys, with a new token each time.
    let (endpoint, count) = server(|number, _| {
        let entry = |key| {
            format!(
                "<Contents><Key>t/{key}</Key><LastModified>2025-01-02T03:04:05Z</LastModified><ETag>e</ETag><Size>1</Size></Contents>"
            )
        };
        let keys = if number % 2 == 0 { ["a", "b"] } else { ["c", "d"] }.map(entry).concat();
        answer(
            "200 OK",
            "",
            &format!(
                "<ListBucketResult>{keys}<NextContinuationToken>{number}</NextContinuationToken></ListBucketResult>"
            ),
        )
    });
    let text = store(&endpoint).list("").unwrap_err().to_string();
    assert!(text.contains("the list does not go on"), "{text}");
    assert_eq!(count.load(Ordering::SeqCst), 3);

    let body = "x".repeat(17 << 20);
    let (endpoint, count) = server(move |_, _| answer("200 OK", "", &body));
    let text = store(&endpoint).list("").unwrap_err().to_string();
    assert!(text.contains("more than 16 MiB"), "{text}");
    assert_eq!(count.load(Ordering::SeqCst), 1);
}
