//! Faults that a test injects when an object is read. Outside of tests there are none.

use std::io;

#[cfg(feature = "testing")]
use crate::testing::ReadFault;

/// The fault of one object, if it has one.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Fault {
    #[cfg(feature = "testing")]
    fault: Option<ReadFault>,
}

#[cfg_attr(
    not(feature = "testing"),
    expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "only tests have faults")
)]
impl Fault {
    #[cfg(feature = "testing")]
    pub(crate) fn of(fault: Option<ReadFault>) -> Self {
        Self { fault }
    }

    /// Returns the result of opening the object.
    pub(super) fn on_open(self) -> io::Result<()> {
        #[cfg(feature = "testing")]
        if let Some(errno) = self.fault.and_then(ReadFault::on_open) {
            return Err(io::Error::from_raw_os_error(errno));
        }
        Ok(())
    }

    /// Returns the result of the next read, after `read_bytes` bytes.
    pub(super) fn on_read(self, read_bytes: u64) -> io::Result<()> {
        #[cfg(feature = "testing")]
        if let Some(errno) = self.fault.and_then(|fault| fault.on_read(read_bytes)) {
            return Err(io::Error::from_raw_os_error(errno));
        }
        #[cfg(not(feature = "testing"))]
        let _ = read_bytes;
        Ok(())
    }
}
