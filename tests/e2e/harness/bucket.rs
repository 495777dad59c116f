//! Runs the same tests with logs and tables in S3. If `LAKEFRONT_TEST_BUCKET` is set, the folder's files are copied to
//! buckets before each run of the program, and the contents of the buckets back to the folder after it.
//!
//! ```text
//!   logs/a/E1.gz             s3://BUCKET-<folder>-logs/a/E1.gz              names in the table are the same
//!   lake/cf_logs             s3://BUCKET-<folder>-lake/cf_logs
//! ```
//!
//! Locations in arguments are rewritten, and those in the program's output are changed back, logs to `file://` URLs.
//! The store is that of the environment: `AWS_ENDPOINT_URL_S3`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::{Component, Path},
    process,
    sync::{
        Arc, LazyLock, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use futures_util::TryStreamExt;
use http::Method;
use object_store::{
    ClientOptions, ObjectStore, ObjectStoreExt,
    aws::{AmazonS3Builder, AwsAuthorizer, AwsCredential},
    client::{HttpConnector, HttpRequest, HttpRequestBody, ReqwestConnector},
    path::Path as Key,
};
use tokio::runtime::Runtime;

/// Returns the flags of a run after a killed one: in buckets there are no locks, so it must take over.
pub(crate) fn after_kill() -> &'static [&'static str] {
    if is_in_buckets() { &["--take-over"] } else { &[] }
}

/// Returns whether tests run in buckets.
pub(crate) fn is_in_buckets() -> bool {
    env::var_os("LAKEFRONT_TEST_BUCKET").is_some()
}

/// Ends a test of the local disk itself if tests run in buckets, and prints it. `make test-engines` counts the lines
/// with these words.
macro_rules! only_on_disk {
    ($why:literal) => {
        if crate::harness::is_in_buckets() {
            eprintln!("only on disk: {}: {}", std::thread::current().name().unwrap_or("?"), $why);
            return;
        }
    };
}
pub(crate) use only_on_disk;

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap());

/// Flags without a value. Every other flag is followed by its value.
const SWITCHES: [&str; 14] = [
    "--allow-empty",
    "--allow-http",
    "--deep",
    "--dry-run",
    "--json",
    "--new-identity",
    "--no-sign-request",
    "--projection",
    "--quiet",
    "--single-writer",
    "--source-no-sign-request",
    "--take-over",
    "--verbose",
    "--help",
];

/// The folder of logs: the program never writes there.
const LOGS: &str = "logs";

/// The buckets of one test folder: one for each top-level folder.
pub(super) struct Buckets {
    name: String,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    made: BTreeMap<String, Arc<dyn ObjectStore>>,
    /// Files that were equal on both sides at the last copy, by path in the folder.
    same: BTreeMap<String, Same>,
}

struct Same {
    bytes: Vec<u8>,
    etag: String,
}

impl Buckets {
    /// Returns `None` if tests run on disk.
    pub(super) fn of_folder() -> Option<Self> {
        static NEXT: AtomicUsize = AtomicUsize::new(1);
        let name = env::var("LAKEFRONT_TEST_BUCKET").ok()?;
        let name = format!("{name}-{}-{}", process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        Some(Self { name, state: Mutex::default() })
    }

    /// Copies the folder to the buckets.
    pub(super) fn upload(&self, folder: &Path) {
        let mut state = self.state.lock().unwrap();
        let mut gone: BTreeSet<String> = state.same.keys().cloned().collect();
        for path in files(folder) {
            let bytes = fs::read(folder.join(&path)).unwrap();
            gone.remove(&path);
            if state.same.get(&path).is_some_and(|same| same.bytes == bytes) {
                continue;
            }
            let (store, key) = self.locate(&mut state, &path);
            let put = RUNTIME.block_on(store.put(&key, bytes.clone().into())).unwrap();
            state.same.insert(path, Same { bytes, etag: put.e_tag.unwrap() });
        }
        for path in gone {
            let (store, key) = self.locate(&mut state, &path);
            RUNTIME.block_on(store.delete(&key)).unwrap();
            state.same.remove(&path);
        }
    }

    /// Copies the buckets to the folder. Other programs may write to the buckets meanwhile.
    pub(super) fn download(&self, folder: &Path) {
        let mut state = self.state.lock().unwrap();
        let mut gone: BTreeSet<String> =
            state.same.keys().filter(|path| !path.starts_with(&format!("{LOGS}/"))).cloned().collect();
        for (top, store) in state.made.clone().into_iter().filter(|(top, _)| top != LOGS) {
            let found: Vec<_> = RUNTIME.block_on(store.list(None).try_collect()).unwrap();
            for meta in found {
                let path = format!("{top}/{}", meta.location);
                let etag = meta.e_tag.unwrap();
                gone.remove(&path);
                if state.same.get(&path).is_some_and(|same| same.etag == etag) {
                    continue;
                }
                let bytes =
                    RUNTIME.block_on(async { store.get(&meta.location).await?.bytes().await }).unwrap().to_vec();
                let file = folder.join(&path);
                fs::create_dir_all(file.parent().unwrap()).unwrap();
                // The name may be a hard link, so it gets a new file.
                let _ = fs::remove_file(&file);
                fs::write(file, &bytes).unwrap();
                state.same.insert(path, Same { bytes, etag });
            }
        }
        for path in gone {
            fs::remove_file(folder.join(&path)).unwrap();
            state.same.remove(&path);
        }
    }

    /// Returns the number of files below a path of the folder.
    pub(super) fn count(&self, path: &str) -> usize {
        let (store, key) = self.locate(&mut self.state.lock().unwrap(), path);
        RUNTIME.block_on(store.list(Some(&key)).try_collect::<Vec<_>>()).unwrap().len()
    }

    /// Returns arguments with paths in the folder replaced by locations in buckets.
    pub(super) fn with_bucket_urls(&self, folder: &Path, args: &[&str]) -> Vec<String> {
        let has_locations = args.first().is_some_and(|command| *command != "schema");
        let mut args = args.iter().map(|arg| (*arg).to_owned());
        let mut with_bucket_urls: Vec<String> = args.next().into_iter().collect();
        while let Some(arg) = args.next() {
            let has_value = arg.starts_with("--") && !arg.contains('=') && !SWITCHES.contains(&arg.as_str());
            if arg.starts_with('-') {
                let is_state = arg == "--state";
                with_bucket_urls.push(arg);
                let value = has_value.then(|| args.next()).flatten();
                with_bucket_urls.extend(value.map(|value| if is_state { self.url(folder, &value) } else { value }));
            } else {
                with_bucket_urls.push(if has_locations { self.url(folder, &arg) } else { arg });
            }
        }
        with_bucket_urls
    }

    /// Returns the bucket's URL of a path in the folder; anything else unchanged.
    fn url(&self, folder: &Path, typed: &str) -> String {
        let path = Path::new(typed);
        let below = if path.is_absolute() { path.strip_prefix(folder) } else { Ok(path) };
        let Ok(below) = below else { return typed.to_owned() };
        let mut parts: Vec<&str> = Vec::new();
        for part in below.components() {
            match part {
                Component::Normal(part) => parts.push(part.to_str().unwrap()),
                Component::ParentDir => drop(parts.pop()),
                Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
            }
        }
        let Some((top, rest)) = parts.split_first().filter(|_| !typed.contains("://")) else { return typed.to_owned() };
        self.bucket(&mut self.state.lock().unwrap(), top);
        [&[self.url_of(top).as_str()], rest].concat().join("/")
    }

    /// Returns output of the program with locations in buckets replaced by paths in the folder.
    pub(super) fn with_local_paths(&self, folder: &Path, text: &str) -> String {
        let state = self.state.lock().unwrap();
        let mut text = text.to_owned();
        for top in state.made.keys() {
            let (bucket, path) = (self.url_of(top), format!("{}/{top}", folder.display()));
            // As on disk: logs are shown as URLs, and tables as paths, except in SQL.
            let text_of_logs = text.replace(&format!("'{bucket}"), &format!("'file://{path}"));
            text =
                text_of_logs.replace(&bucket, &if has_tables(folder, top) { path } else { format!("file://{path}") });
        }
        text
    }

    fn url_of(&self, top: &str) -> String {
        format!("s3://{}-{top}", self.name)
    }

    /// Returns the store and the key of a file of the folder.
    fn locate(&self, state: &mut State, path: &str) -> (Arc<dyn ObjectStore>, Key) {
        let (top, key) = path.split_once('/').unwrap();
        (self.bucket(state, top), Key::parse(key).unwrap())
    }

    /// Returns the bucket of a top-level folder, and creates it at the first use.
    fn bucket(&self, state: &mut State, top: &str) -> Arc<dyn ObjectStore> {
        if let Some(store) = state.made.get(top) {
            return Arc::clone(store);
        }
        let name = format!("{}-{top}", self.name);
        let (endpoint, region) = (env::var("AWS_ENDPOINT_URL_S3").unwrap(), "us-east-1");
        let (key_id, secret_key) = (env::var("AWS_ACCESS_KEY_ID").unwrap(), env::var("AWS_SECRET_ACCESS_KEY").unwrap());
        let store = AmazonS3Builder::new()
            .with_endpoint(&endpoint)
            .with_bucket_name(&name)
            .with_region(region)
            .with_access_key_id(&key_id)
            .with_secret_access_key(&secret_key)
            .with_allow_http(true)
            .build();
        let store: Arc<dyn ObjectStore> = Arc::new(store.unwrap());
        let client = ReqwestConnector::default().connect(&ClientOptions::new().with_allow_http(true)).unwrap();
        let request = http::Request::builder().method(Method::PUT).uri(format!("{endpoint}/{name}"));
        let mut request: HttpRequest = request.body(HttpRequestBody::empty()).unwrap();
        let credential = AwsCredential { key_id, secret_key, token: None };
        AwsAuthorizer::new(&credential, "s3", region).authorize(&mut request, None);
        let status = RUNTIME.block_on(client.execute(request)).unwrap().status();
        assert!(status.is_success(), "the bucket {name} cannot be made: {status}");
        state.made.insert(top.to_owned(), Arc::clone(&store));
        store
    }
}

/// Returns whether a top-level folder contains tables.
fn has_tables(folder: &Path, top: &str) -> bool {
    let entries = fs::read_dir(folder.join(top)).into_iter().flatten();
    top == "lake" || entries.filter_map(Result::ok).any(|entry| entry.path().extension() == Some("lakefront".as_ref()))
}

/// Returns the regular files below the top-level folders, by path in the folder.
fn files(folder: &Path) -> Vec<String> {
    let mut files = Vec::new();
    let mut waiting: Vec<String> = vec![String::new()];
    while let Some(path) = waiting.pop() {
        for entry in fs::read_dir(folder.join(&path)).unwrap() {
            let entry = entry.unwrap();
            let below = format!("{path}{}", entry.file_name().to_str().unwrap());
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                waiting.push(below + "/");
            } else if kind.is_file() && !path.is_empty() {
                files.push(below);
            }
        }
    }
    files
}
