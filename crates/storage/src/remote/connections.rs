//! Connections to stores: a client for each bucket, made when it is first needed.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::io;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use object_store::aws::AmazonS3Builder;
use object_store::client::{HttpClient, HttpConnector};
use object_store::{BackoffConfig, ClientOptions, ObjectStore, RetryConfig};
use tokio::runtime::Runtime;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::aws::Aws;
use super::bucket::{Bucket, fits_host};
use super::environment;
use super::http_connector::{Signing, StoreConnector, client_options};
use super::list_page::{Lister, Paginated};
use super::named_files;
use super::region::region_of;
use super::retry::Patience;
use super::s3_requests::S3Requests;
use super::settings::{Addressing, ConnectOptions, Encryption, VIRTUAL, check_virtual, flaw_of, is_url};
use super::shares::Shares;
use super::spool::SpoolFile;
use super::transport::Transport;
use super::trust::Trust;
use crate::error::SettingFlaw;
use crate::local_logs::faults::Fault;
use crate::open_files::{self, can_open};
use crate::scheme::Scheme;
use crate::threads::thread_limits;
use crate::{Error, Object};

/// Memory in KiB of all data files that are being written to a bucket, each of which is sent whole: 128 MiB. A larger one is
/// sent alone.
const MAX_PUT_KIB: u32 = 128 << 10;
/// Number of threads that move bytes. Computation has other threads.
const IO_THREADS: usize = 2;
/// Number of files that these threads open to wait for connections and signals, and some for the first connection.
const RUNTIME_FILES: usize = 8;

/// Connections to stores. Clones share them; nothing is connected before it is needed.
#[derive(Clone, Default)]
pub struct Connections {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    options: ConnectOptions,
    aws: Mutex<Option<Arc<Aws>>>,
    clients: Mutex<BTreeMap<Bucket, Arc<Client>>>,
    patience: Patience,
    /// The file in which data files wait to be put.
    spools: SpoolFile,
    /// Bytes of objects that are fetched ahead.
    ahead_bytes: AtomicU64,
    #[cfg(feature = "testing")]
    read_faults: Mutex<crate::testing::ReadFaults>,
}

impl Connections {
    /// Creates connections with these options.
    pub fn new(options: ConnectOptions) -> Self {
        Self { shared: Arc::new(Shared { options, ..Shared::default() }) }
    }

    /// Returns connections with shorter timeouts.
    #[cfg(test)]
    pub(super) fn impatient(options: ConnectOptions, patience: Patience) -> Self {
        Self { shared: Arc::new(Shared { options, patience, ..Shared::default() }) }
    }

    /// Returns connections with other options; the same ones if the options are equal.
    #[must_use]
    pub fn with_options(&self, options: ConnectOptions) -> Self {
        if options == self.shared.options {
            return self.clone();
        }
        Self::new(options)
    }

    /// Returns the client of a bucket.
    pub(crate) fn client(&self, bucket: &Bucket) -> Result<Arc<Client>, Error> {
        if let Some(client) = locked(&self.shared.clients).get(bucket) {
            return Ok(Arc::clone(client));
        }
        let client = Arc::new(self.connect(bucket)?);
        Ok(Arc::clone(locked(&self.shared.clients).entry(bucket.clone()).or_insert(client)))
    }

    /// Bytes of objects that are fetched ahead, for all tasks.
    pub(crate) fn ahead_bytes(&self) -> &AtomicU64 {
        &self.shared.ahead_bytes
    }

    /// Uses this store for a bucket.
    ///
    /// # Panics
    ///
    /// The URL is not that of a bucket, or no thread can be started.
    #[cfg(feature = "testing")]
    #[must_use]
    pub fn with_store(self, url: &str, store: Arc<dyn ObjectStore>) -> Self {
        let bucket = Bucket::parse(url).expect("a test names a bucket");
        let runtime = runtime().expect("a test can start threads");
        let lister = Lister::Any(Arc::clone(&store));
        let client = self.made(bucket.clone(), store, lister, runtime);
        locked(&self.shared.clients).insert(bucket, Arc::new(client));
        self
    }

    /// Makes reads of local objects fail as these faults say.
    #[cfg(feature = "testing")]
    #[must_use]
    pub fn with_read_faults(self, faults: &crate::testing::ReadFaults) -> Self {
        *locked(&self.shared.read_faults) = faults.clone();
        self
    }

    /// Returns the fault that a test injects when this object is read.
    #[cfg_attr(not(feature = "testing"), expect(clippy::unused_self, reason = "only tests have faults"))]
    pub(crate) fn fault_of(&self, object: &Object) -> Fault {
        #[cfg(feature = "testing")]
        return Fault::of(locked(&self.shared.read_faults).of(object));
        #[cfg(not(feature = "testing"))]
        {
            let _ = object;
            Fault::default()
        }
    }

    fn connect(&self, bucket: &Bucket) -> Result<Client, Error> {
        environment::check_proxies()?;
        named_files::check(bucket.scheme)?;
        let runtime = runtime()?;
        let ConnectOptions { allow_http, .. } = self.shared.options;
        let (store, lister) = match bucket.scheme {
            Scheme::S3 => self.s3(bucket, runtime)?,
            Scheme::Gcs => {
                let (builder, has_endpoint) = environment::google(allow_http)?;
                let builder = builder.with_bucket_name(&bucket.name).with_client_options(client_options(has_endpoint));
                let connector = StoreConnector {
                    unpacks: true,
                    transport: self.transport(Trust::default()),
                    ..StoreConnector::default()
                };
                let store = builder.with_retry(no_retries()).with_http_connector(connector).build();
                self.paginated(store.map_err(|_| not_set_up(bucket, "GOOGLE_"))?)
            }
            Scheme::Azure => {
                let mut builder = environment::azure(allow_http)?.with_container_name(&bucket.name);
                if let Some(account) = &bucket.account {
                    builder = builder.with_account(account);
                }
                // HTTP is allowed here: a configured endpoint was checked, and the others are Azure's or the local
                // emulator's.
                let builder = builder.with_client_options(client_options(true));
                let connector =
                    StoreConnector { transport: self.transport(Trust::default()), ..StoreConnector::default() };
                let store = builder.with_retry(no_retries()).with_http_connector(connector).build();
                self.paginated(store.map_err(|_| not_set_up(bucket, "AZURE_STORAGE_"))?)
            }
        };
        Ok(self.made(bucket.clone(), store, lister, runtime))
    }

    fn made(&self, bucket: Bucket, store: Arc<dyn ObjectStore>, lister: Lister, runtime: &'static Runtime) -> Client {
        let Shared { patience, spools, .. } = &*self.shared;
        let put_kib = Semaphore::new(MAX_PUT_KIB as usize);
        Client { bucket, store, lister, runtime, patience: *patience, spools: spools.clone(), put_kib }
    }

    fn transport(&self, trust: Trust) -> Transport {
        Transport { trust, patience: self.shared.patience, max_idle: Shares::of_process().take_idle() }
    }

    fn paginated<S: ObjectStore + object_store::list::PaginatedListStore>(
        &self,
        store: S,
    ) -> (Arc<dyn ObjectStore>, Lister) {
        let store = Arc::new(store);
        let pages = Paginated::new(Arc::clone(&store) as _, self.shared.patience);
        (store, Lister::Paginated(pages))
    }

    /// Returns the AWS configuration, which is read once.
    fn aws(&self, runtime: &Runtime) -> Result<Arc<Aws>, Error> {
        let mut aws = locked(&self.shared.aws);
        if let Some(aws) = &*aws {
            return Ok(Arc::clone(aws));
        }
        let read = runtime.block_on(Aws::read(&self.shared.options))?;
        Ok(Arc::clone(aws.insert(Arc::new(read))))
    }

    fn s3(&self, bucket: &Bucket, runtime: &Runtime) -> Result<(Arc<dyn ObjectStore>, Lister), Error> {
        let ConnectOptions { no_sign_request, request_payer, addressing, .. } = self.shared.options;
        let aws = self.aws(runtime)?;
        let transport = self.transport(aws.trust.clone());
        let region = match (&aws.region, &aws.endpoint_url) {
            (Some(region), _) => region.clone(),
            (None, Some(_)) => DEFAULT_REGION.to_owned(),
            (None, None) => runtime.block_on(region_of(bucket, Transport { max_idle: 0, ..transport.clone() }))?,
        };
        let in_path = match addressing {
            Addressing::Auto => aws.endpoint_url.is_some() || !fits_host(&bucket.name),
            Addressing::Path => true,
            Addressing::Virtual => false,
        };
        let endpoint = aws.endpoint_url.clone().unwrap_or_else(|| aws_endpoint(&region));
        if !in_path {
            check_virtual(&endpoint)?;
        }
        let (scheme, host) = endpoint.split_once("://").expect("an endpoint is a URL, which was checked");
        let name = &bucket.name;
        let bucket_url =
            if in_path { format!("{scheme}://{host}/{name}") } else { format!("{scheme}://{name}.{host}") };
        if !is_url(&bucket_url) {
            return Err(Error::BadSetting { setting: VIRTUAL.into(), flaw: SettingFlaw::BucketNotInHost });
        }
        let signing = aws.credentials.clone().filter(|_| !no_sign_request);
        let connector = StoreConnector {
            signing: signing.map(|credentials| Signing { credentials, region: region.clone(), request_payer }),
            put_headers: put_headers(&self.shared.options)?,
            transport,
            ..StoreConnector::default()
        };
        // The endpoint was checked before.
        let options = client_options(true);
        // Lists and all other requests use the same connections.
        let client = connector.connect(&options).map_err(|_| not_set_up(bucket, "AWS_"))?;
        let store = AmazonS3Builder::new()
            .with_bucket_name(name)
            .with_region(region)
            .with_endpoint(if in_path { endpoint.clone() } else { bucket_url.clone() })
            .with_virtual_hosted_style_request(!in_path)
            // Each attempt is signed when it is sent, with credentials that are valid then.
            .with_skip_signature(true)
            .with_allow_http(true)
            .with_disable_tagging(true)
            .with_client_options(options)
            .with_retry(no_retries())
            .with_http_connector(Made(client.clone()))
            .build()
            .map_err(|_| not_set_up(bucket, "AWS_"))?;
        Ok((Arc::new(store), Lister::S3(S3Requests::new(client, bucket_url, self.shared.patience))))
    }
}

/// A connector that returns a client that exists already.
#[derive(Debug)]
struct Made(HttpClient);

impl HttpConnector for Made {
    fn connect(&self, _options: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(self.0.clone())
    }
}

/// Returns the threads that all connections of this process use. They are never stopped: requests in flight at the end of
/// the process have no use.
fn runtime() -> Result<&'static Runtime, Error> {
    static RUNTIME: OnceLock<io::Result<Runtime>> = OnceLock::new();
    let made = RUNTIME.get_or_init(|| {
        // The runtime panics if it cannot start a thread, or open a file.
        can_start_threads(IO_THREADS)?;
        can_open(RUNTIME_FILES)?;
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(IO_THREADS)
            .thread_name("stores")
            .enable_all()
            .build()
    });
    made.as_ref().map_err(|source| {
        let limits = if open_files::is_limit(source) { open_files::limit_text() } else { thread_limits() };
        Error::NoThreads { source: same_error(source), limits }
    })
}

/// Checks that this number of threads can run at once: libraries panic if one cannot be started.
///
/// # Errors
/// The operating system's.
fn can_start_threads(count: usize) -> io::Result<()> {
    let start = |_| thread::Builder::new().spawn(thread::park);
    let started: Vec<io::Result<JoinHandle<()>>> = (0..count).map(start).collect();
    started.iter().flatten().for_each(|thread| thread.thread().unpark());
    started.into_iter().try_for_each(|thread| {
        thread?.join().expect("a thread that only parks does not panic");
        Ok(())
    })
}

/// Returns a copy of an I/O error, which every caller gets: such errors cannot be cloned.
fn same_error(error: &io::Error) -> io::Error {
    error.raw_os_error().map_or_else(|| error.kind().into(), io::Error::from_raw_os_error)
}

/// Not the credentials.
impl fmt::Debug for Connections {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Connections").finish_non_exhaustive()
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Region in signatures if none is configured and the endpoint is not AWS's.
const DEFAULT_REGION: &str = "us-east-1";

fn aws_endpoint(region: &str) -> String {
    let country = if region.starts_with("cn-") { ".cn" } else { "" };
    format!("https://s3.{region}.amazonaws.com{country}")
}

/// Returns the configuration that disables `object_store`'s retries: requests are retried below it, each with a new signature.
fn no_retries() -> RetryConfig {
    RetryConfig { backoff: BackoffConfig::default(), max_retries: 0, retry_timeout: Duration::ZERO }
}

fn put_headers(options: &ConnectOptions) -> Result<Vec<(HeaderName, HeaderValue)>, Error> {
    let header = |name, setting: &str, value: &str| {
        if let Some(flaw) = flaw_of(value) {
            return Err(Error::BadSetting { setting: setting.to_owned(), flaw });
        }
        let value = HeaderValue::from_str(value).expect("a header takes any ASCII without control characters");
        Ok((HeaderName::from_static(name), value))
    };
    let fixed = |name, value| (HeaderName::from_static(name), HeaderValue::from_static(value));
    let mut headers = Vec::new();
    if let Some(acl) = &options.acl {
        headers.push(header("x-amz-acl", "`--acl`", acl)?);
    }
    match &options.encryption {
        None => {}
        Some(Encryption::Aes256) => headers.push(fixed("x-amz-server-side-encryption", "AES256")),
        Some(Encryption::Kms(key)) => {
            headers.push(fixed("x-amz-server-side-encryption", "aws:kms"));
            // One key a bucket instead of one a file: no request to the key service for each.
            headers.push(fixed("x-amz-server-side-encryption-bucket-key-enabled", "true"));
            if let Some(key) = key {
                headers.push(header("x-amz-server-side-encryption-aws-kms-key-id", "`--sse-kms-key-id`", key)?);
            }
        }
    }
    Ok(headers)
}

/// Returns the error of a client that cannot be made from the environment. The cause is not shown: it may repeat secrets.
fn not_set_up(bucket: &Bucket, variables: &'static str) -> Error {
    Error::NotSetUp { bucket: bucket.to_string(), variables }
}

/// The client of one bucket.
pub(crate) struct Client {
    pub(super) bucket: Bucket,
    pub(super) store: Arc<dyn ObjectStore>,
    pub(super) lister: Lister,
    pub(super) runtime: &'static Runtime,
    pub(super) patience: Patience,
    pub(super) spools: SpoolFile,
    /// Permits in KiB, as a semaphore counts 32 bits.
    put_kib: Semaphore,
}

impl Client {
    /// Waits until this number of bytes may be held in memory to be written, for as long as the permit lives.
    pub(super) async fn room_for(&self, bytes: u64) -> SemaphorePermit<'_> {
        let kib = bytes.div_ceil(1024).min(MAX_PUT_KIB.into());
        let kib = u32::try_from(kib).expect("no more than a 32-bit limit");
        self.put_kib.acquire_many(kib).await.expect("the semaphore is never closed")
    }

    /// Waits for the store's answer.
    pub(super) fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// Waits until one more request may be sent. The permit is held while the request is in flight.
    pub(super) async fn permit(&self) -> SemaphorePermit<'static> {
        Shares::of_process().requests().acquire().await.expect("the semaphore is never closed")
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Client").field("bucket", &self.bucket).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_threads_can_be_started() {
        can_start_threads(3).unwrap();
    }
}
