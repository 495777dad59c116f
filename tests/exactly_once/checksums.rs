//! Stores that keep a checksum of each object: data files are compared by it and not read. A checksum that is missing
//! never counts as equal.

use lakefront_operations::{Destination, Stop, Verification, VerifyOptions, verify};
use lakefront_storage::{Crc64Nvme, StoredChecksum, testing::Faults};

use crate::{
    run_driver::{Command, RunRequest},
    simulation::{Simulation, first_logs, later_logs},
};

const SEED: u64 = 29;
/// Number of reads of a footer: its length, and itself.
const FOOTER_READS: usize = 2;

/// A table, and the name of one of its data files.
fn finished() -> (Simulation, String) {
    let simulation = Simulation::new(&first_logs(SEED));
    simulation.finish("the first run");
    let name = simulation.table.names().swap_remove(0);
    (simulation, name)
}

/// Verifies every byte. Returns the result, and the requests for data files.
fn verified(simulation: &Simulation) -> (Verification, Vec<String>) {
    let faults = Faults::none();
    let destination = Destination::of_stores(faults.wrap(simulation.table.store()), simulation.state.store());
    let options = VerifyOptions { deep: true, since: None, threads: 1 };
    let found = verify(&destination, &options, &Stop::default()).unwrap();
    (found, faults.trace().into_iter().filter(|line| line.contains("part-")).collect())
}

/// Asserts that one fault is found, about this data file.
fn finds(simulation: &Simulation, name: &str, invariant: &str, what: &str) {
    let (found, _) = verified(simulation);
    let [fault] = &found.faults[..] else { panic!("{:#?}", found.faults) };
    assert!(fault.object.contains(name) && fault.what.contains(what), "{fault:?}");
    assert_eq!(fault.invariant, invariant);
}

/// Changes one byte of a data file, far from its footer.
fn change_a_byte(simulation: &Simulation, name: &str) {
    let mut bytes = simulation.table.bytes(name).unwrap();
    bytes[20] ^= 1;
    simulation.table.insert(name, &bytes);
}

/// Returns the number of requests of a kind.
fn count(requests: &[String], kind: &str) -> usize {
    requests.iter().filter(|line| line.split(' ').nth(1) == Some(kind)).count()
}

#[test]
fn verify_reads_only_the_footers_of_files_whose_checksum_the_store_keeps() {
    let (simulation, _) = finished();
    let files = simulation.table.names();
    simulation.table.keep_checksums();
    let (found, requests) = verified(&simulation);
    let num_files = files.len() as u64;
    assert_eq!((found.faults, found.files, found.files_by_checksum), (vec![], num_files, num_files));
    assert_eq!((count(&requests, "head"), count(&requests, "get")), (files.len(), FOOTER_READS * files.len()));
    let sizes: usize = files.iter().map(|name| simulation.table.bytes(name).unwrap().len()).sum();
    let read =
        requests.iter().filter_map(|line| line.strip_suffix(" bytes")?.rsplit(' ').next()?.parse::<usize>().ok());
    let read: usize = read.sum();
    assert!(read > 0 && read < sizes, "{read} bytes of {sizes} were read");
}

#[test]
fn verify_reads_every_byte_of_files_whose_checksum_the_store_does_not_keep() {
    let (simulation, name) = finished();
    let files = simulation.table.names().len();
    let (found, requests) = verified(&simulation);
    assert_eq!((found.faults, found.files_by_checksum), (vec![], 0));
    assert_eq!(count(&requests, "get"), (1 + FOOTER_READS) * files);
    // The checksum of a single file is missing.
    simulation.table.keep_checksums();
    simulation.table.set_checksum(&name, None);
    let (found, requests) = verified(&simulation);
    assert_eq!((found.faults, found.files_by_checksum), (vec![], files as u64 - 1));
    assert_eq!(count(&requests, "get"), FOOTER_READS * files + 1);
}

#[test]
fn a_changed_byte_is_found_with_and_without_a_checksum_of_the_store() {
    let (simulation, name) = finished();
    change_a_byte(&simulation, &name);
    finds(&simulation, &name, "I6", "holds other bytes than were stored: their CRC-64/NVME is ");
    simulation.table.keep_checksums();
    finds(&simulation, &name, "I6", "holds other bytes than were stored: their CRC-64/NVME by the store is ");
    simulation.table.set_checksum(&name, None);
    finds(&simulation, &name, "I6", "holds other bytes than were stored: their CRC-64/NVME is ");
}

#[test]
fn another_checksum_or_size_of_the_store_is_a_fault() {
    let (simulation, name) = finished();
    let bytes = simulation.table.bytes(&name).unwrap();
    let right = StoredChecksum { size_bytes: bytes.len() as u64, crc64nvme: Crc64Nvme::of(&bytes) };
    let wrong = [
        StoredChecksum { crc64nvme: Crc64Nvme::of(b"other bytes"), ..right },
        StoredChecksum { size_bytes: right.size_bytes + 1, ..right },
    ];
    for wrong in wrong {
        simulation.table.set_checksum(&name, Some(wrong));
        finds(&simulation, &name, "I6", "by the store");
    }
}

#[test]
fn rows_are_counted_even_if_the_checksum_is_right() {
    let (simulation, name) = finished();
    // A footer that cannot be read, below the checksum of the right bytes.
    let mut bytes = simulation.table.bytes(&name).unwrap();
    let right = StoredChecksum { size_bytes: bytes.len() as u64, crc64nvme: Crc64Nvme::of(&bytes) };
    *bytes.last_mut().unwrap() = b'X';
    simulation.table.insert(&name, &bytes);
    simulation.table.set_checksum(&name, Some(right));
    finds(&simulation, &name, "I1", "has no footer");
}

/// Leaves an epoch in which a data file is stored and its task is not committed. Returns the file's name.
fn with_an_uncommitted_file() -> (Simulation, String) {
    let (simulation, _) = finished();
    simulation.logs.set(&later_logs(SEED));
    let committed = simulation.table.names();
    simulation.crash_until(|simulation| {
        simulation.table.names().len() > committed.len() && !simulation.has_partly_committed_epoch()
    });
    simulation.wait_for_leases();
    let name = simulation.table.names().into_iter().find(|name| !committed.contains(name)).unwrap();
    (simulation, name)
}

#[test]
fn an_existing_name_with_the_same_bytes_is_accepted_by_its_checksum_or_by_reading() {
    for keeps in [false, true] {
        let (simulation, name) = with_an_uncommitted_file();
        if keeps {
            simulation.table.keep_checksums();
        }
        let faults = Faults::none();
        assert_eq!(simulation.convert(&faults).error, None);
        let trace: Vec<String> = faults.trace().into_iter().filter(|line| line.contains(&name)).collect();
        assert!(trace.iter().any(|line| line.contains("refused, exists")), "{trace:#?}");
        assert!(count(&trace, "head") > 0, "{trace:#?}");
        assert_eq!(count(&trace, "get") == 0, keeps, "{trace:#?}");
        simulation.assert_settled("the run after a crash");
    }
}

#[test]
fn an_existing_name_with_other_bytes_is_refused_by_its_checksum_and_by_reading() {
    for keeps in [false, true] {
        let (simulation, name) = with_an_uncommitted_file();
        change_a_byte(&simulation, &name);
        if keeps {
            simulation.table.keep_checksums();
        }
        let result = simulation.run(&RunRequest::without_faults(Command::Convert));
        let error = result.error.unwrap();
        assert!(error.contains(&name) && error.contains("other bytes"), "{error}");
    }
}

#[test]
fn a_table_with_other_files_is_refused_by_their_checksums_and_by_reading() {
    for keeps in [false, true] {
        let (simulation, _) = finished();
        for name in simulation.table.names() {
            change_a_byte(&simulation, &name);
        }
        if keeps {
            simulation.table.keep_checksums();
        }
        simulation.logs.set(&later_logs(SEED));
        let faults = Faults::none();
        let error = simulation.convert(&faults).error.unwrap();
        assert!(error.contains("data files"), "{error}");
        let trace: Vec<String> = faults.trace().into_iter().filter(|line| line.contains("part-")).collect();
        assert!(count(&trace, "head") > 0);
        assert_eq!(count(&trace, "get") == 0, keeps, "{trace:#?}");
    }
}
