//! What the stores for tests promise: the same every time, and no kinder than the world.

use super::*;
use std::io::ErrorKind;
use std::sync::{Arc, Barrier};
use std::thread;

fn memory() -> (Arc<TestClock>, MemoryStore) {
    let clock = Arc::new(TestClock::new(1_000));
    (Arc::clone(&clock), MemoryStore::new(clock))
}

fn names(store: &Store) -> Vec<String> {
    store.list("").unwrap().into_iter().map(|entry| entry.name).collect()
}

mod in_memory {
    use super::*;

    #[test]
    fn one_of_twenty_racing_writers_wins_and_the_others_are_told() {
        let (_clock, memory) = memory();
        let barrier = Barrier::new(20);
        let winners: Vec<u8> = thread::scope(|scope| {
            let writers: Vec<_> = (0..20_u8)
                .map(|number| {
                    let (store, barrier) = (memory.store(), &barrier);
                    scope.spawn(move || {
                        barrier.wait();
                        match store.put_if_absent("name", &[number; 100]) {
                            Ok(()) => Some(number),
                            Err(error) => {
                                assert!(error.is_already_exists(), "{error}");
                                None
                            }
                        }
                    })
                })
                .collect();
            writers.into_iter().filter_map(|writer| writer.join().unwrap()).collect()
        });
        assert_eq!(winners.len(), 1);
        assert_eq!(memory.bytes("name").unwrap(), [winners[0]; 100]);
        assert_eq!(memory.effective_puts("name"), 1);
    }

    #[test]
    fn it_behaves_as_the_local_disk() {
        let place = tempfile::tempdir().unwrap();
        let local = Store::open_local(&place.path().join("t"), &place.path().join("tmp")).unwrap();
        for store in [memory().1.store(), local] {
            assert!(store.is_empty().unwrap() && !store.root_exists().unwrap());
            let mut staged = store.stage().unwrap();
            staged.append(b"01234").unwrap();
            staged.append(b"56789").unwrap();
            assert_eq!((staged.len_bytes(), names(&store).len()), (10, 0));
            assert_eq!(staged.put_if_absent("log/2").unwrap(), 10);
            store.put_if_absent("log/10", b"").unwrap();
            assert!(store.put_if_absent("log/2", b"x").unwrap_err().is_already_exists());
            store.put("log.txt", b"one").unwrap();
            store.put("log.txt", b"two").unwrap();
            assert!(!store.is_empty().unwrap() && store.root_exists().unwrap());
            assert_eq!(names(&store), ["log.txt", "log/10", "log/2"]);
            let sizes: Vec<u64> = store.list("log/").unwrap().iter().map(|entry| entry.size_bytes).collect();
            assert_eq!(sizes, [0, 10]);
            assert_eq!(store.read("log.txt").unwrap(), b"two");
            assert_eq!(store.read_range("log/2", 2..5).unwrap(), b"234");
            assert_eq!(store.read_range("log/2", 8..u64::MAX).unwrap(), b"89");
            assert_eq!(store.read_range("log/2", 11..12).unwrap(), b"");
            assert_eq!(store.read_tail("log/2", 3).unwrap(), b"789");
            assert_eq!(store.read_tail("log/2", 30).unwrap(), b"0123456789");
            store.delete("log/2").unwrap();
            store.delete("log/2").unwrap();
            assert!(store.read("log/2").unwrap_err().is_not_found());
            assert!(matches!(store.read("../x"), Err(Error::BadName { .. })));
            assert_eq!(store.sweep().unwrap(), 0);
        }
    }

    #[test]
    fn names_have_the_time_of_the_clock() {
        let (clock, memory) = memory();
        memory.store().put("one", b"").unwrap();
        clock.advance(500);
        memory.store().put_if_absent("two", b"").unwrap();
        let times: Vec<i64> = memory.store().list("").unwrap().iter().map(|entry| entry.modified_ms).collect();
        assert_eq!(times, [1_000, 1_500]);
        assert_eq!(memory.store().clock_ms().unwrap(), 1_500);
        assert!(memory.store().lock().unwrap().is_none());
    }

    #[test]
    fn it_counts_changes() {
        let (_clock, memory) = memory();
        let store = memory.store();
        store.put_if_absent("a", b"1").unwrap();
        store.put_if_absent("a", b"2").unwrap_err();
        store.put("b", b"1").unwrap();
        store.put("b", b"2").unwrap();
        store.delete("b").unwrap();
        store.delete("b").unwrap();
        memory.insert("c", b"3");
        assert_eq!((memory.effective_puts("a"), memory.effective_puts("b"), memory.effective_puts("c")), (1, 2, 0));
        let history: Vec<String> = memory.history().iter().map(|(what, name)| format!("{what} {name}")).collect();
        assert_eq!(history, ["put_if_absent a", "put b", "put b", "delete b"]);
        assert!(memory.remove("c") && !memory.remove("c"));
    }

    #[test]
    fn it_goes_back_to_a_snapshot() {
        let (_clock, memory) = memory();
        memory.store().put_if_absent("a", b"1").unwrap();
        let snapshot = memory.snapshot();
        memory.store().delete("a").unwrap();
        memory.store().put_if_absent("b", b"2").unwrap();
        memory.restore(&snapshot);
        assert_eq!(memory.names(), ["a"]);
        assert_eq!(memory.history().len(), 1);
        assert!(memory.store().put_if_absent("a", b"3").unwrap_err().is_already_exists());
    }

    #[test]
    fn a_power_cut_takes_what_was_only_put_since_the_last_one() {
        let mut seen = Vec::new();
        for seed in 0..40 {
            let (_clock, memory) = memory();
            memory.store().put_if_absent("kept", b"0123456789").unwrap();
            memory.store().put("lost", b"0123456789").unwrap();
            memory.power_cut(seed);
            assert_eq!(memory.bytes("kept").unwrap(), b"0123456789");
            let lost = memory.bytes("lost");
            assert_ne!(lost.as_deref(), Some(b"0123456789".as_slice()));
            memory.power_cut(seed + 1);
            assert_eq!(memory.bytes("lost"), lost, "what a cut left is on the disk");
            seen.push(lost.map_or("gone", |bytes| if bytes.is_empty() { "empty" } else { "cut short" }));
        }
        assert!(["gone", "empty", "cut short"].iter().all(|fate| seen.contains(fate)), "{seen:?}");
    }

    #[test]
    fn a_store_that_ignores_conditions_overwrites_unless_it_is_looked_at_first() {
        let (_clock, memory) = memory();
        let store = IgnoresConditions::around(memory.clone()).store();
        store.put_if_absent("a", b"1").unwrap();
        store.put_if_absent("a", b"2").unwrap();
        assert_eq!((memory.bytes("a").unwrap().as_slice(), memory.effective_puts("a")), (b"2".as_slice(), 2));
        let store = store.checking_first();
        assert!(store.put_if_absent("a", b"3").unwrap_err().is_already_exists());
        store.put_if_absent("b", b"4").unwrap();
        assert_eq!(memory.bytes("a").unwrap(), b"2");
    }
}

mod with_faults {
    use super::*;
    use std::error::Error as _;

    /// Ten operations of all kinds; each is called, also after a failure.
    fn work(store: &Store) -> Vec<bool> {
        (0..2)
            .flat_map(|number| {
                let name = format!("name/{number}");
                [
                    store.put_if_absent(&name, b"text").is_ok(),
                    store.put("lease", b"text").is_ok(),
                    store.read_range(&name, 0..2).is_ok(),
                    store.list("name/").is_ok(),
                    store.delete("lease").is_ok(),
                ]
            })
            .collect()
    }

    #[test]
    fn only_planned_faults_occur_and_all_operations_are_traced() {
        let (_clock, memory) = memory();
        let faults = Faults::none();
        assert_eq!(work(&faults.wrap(memory.store())), [true; 10]);
        assert!(faults.wrap(memory.store()).put_if_absent("name/1", b"").is_err());
        assert!(faults.wrap(memory.store()).read("absent").is_err());
        assert_eq!((faults.operations(), faults.is_crashed()), (12, false));
        let trace = faults.trace();
        assert_eq!(
            trace[..5],
            [
                "1 put_if_absent name/0: applied",
                "2 put lease: applied",
                "3 get name/0: 2 bytes",
                "4 list name/: 1 names",
                "5 delete lease: applied"
            ]
        );
        assert_eq!(trace[10..], ["11 put_if_absent name/1: refused, exists", "12 get absent: not found"]);
    }

    #[test]
    fn a_crash_before_an_operation_leaves_it_undone_and_a_crash_after_it_done() {
        for k in 1..=10 {
            for is_before in [true, false] {
                let (_clock, memory) = memory();
                let faults = if is_before { Faults::crash_before(k) } else { Faults::crash_after(k) };
                let store = faults.wrap(memory.store());
                let index = usize::try_from(k).unwrap() - 1;
                let done = work(&store);
                assert_eq!(done[..index], vec![true; index]);
                assert_eq!(done[index..], vec![false; 10 - index]);
                assert_eq!((faults.operations(), faults.is_crashed()), (k, true));
                let applied =
                    [1, 2, 5, 6, 7, 10].iter().filter(|number| if is_before { **number < k } else { **number <= k });
                assert_eq!(memory.history().len(), applied.count(), "{:?}", faults.trace());
                let last = faults.trace().pop().unwrap();
                assert!(last.ends_with(if is_before { ": crashed before" } else { ", crashed" }), "{last}");
            }
        }
    }

    #[test]
    fn after_a_crash_nothing_is_done_and_every_call_says_so() {
        let (_clock, memory) = memory();
        let faults = Faults::crash_after(1);
        let (store, state) = (faults.wrap(memory.store()), faults.wrap(MemoryStore::new(Arc::default()).store()));
        let mut staged = state.stage().unwrap();
        store.put_if_absent("a", b"1").unwrap_err();
        let errors = [
            staged.append(b"x").unwrap_err(),
            staged.put_if_absent("b").unwrap_err(),
            store.put("a", b"2").unwrap_err(),
            store.read("a").unwrap_err(),
            store.list("").unwrap_err(),
            store.delete("a").unwrap_err(),
            state.stage().unwrap_err(),
            state.clock_ms().unwrap_err(),
            state.lock().unwrap_err(),
            state.root_exists().unwrap_err(),
            state.is_empty().unwrap_err(),
            state.sweep().unwrap_err(),
        ];
        for error in errors {
            assert!(error.to_string().contains("crashed") && !error.is_already_exists(), "{error}");
        }
        assert_eq!(memory.bytes("a").unwrap(), b"1");
        assert_eq!((faults.operations(), memory.history().len()), (1, 1));
    }

    #[test]
    fn a_fault_strikes_once_and_its_trace_says_what_was_done() {
        let (_clock, memory) = memory();
        let faults = Faults::fail(1);
        let store = faults.wrap(memory.store());
        let error = store.put_if_absent("a", b"1").unwrap_err();
        assert!(matches!(error, Error::Io { .. }), "{error}");
        assert_eq!(memory.names(), [""; 0]);
        store.put_if_absent("a", b"1").unwrap();
        assert_eq!(faults.trace(), ["1 put_if_absent a: failed", "2 put_if_absent a: applied"]);

        let faults = Faults::lose_reply(1);
        let error = faults.wrap(memory.store()).put_if_absent("b", b"1").unwrap_err();
        assert!(error.source().unwrap().to_string().contains("reply was lost"), "{error}");
        assert_eq!(memory.bytes("b").unwrap(), b"1");
        assert_eq!(faults.trace(), ["1 put_if_absent b: applied, reply lost"]);

        let faults = Faults::lose_reply_to_retry(1);
        assert!(faults.wrap(memory.store()).put_if_absent("c", b"1").unwrap_err().is_already_exists());
        assert_eq!(memory.bytes("c").unwrap(), b"1");
        let faults = Faults::lose_reply_to_retry(1);
        assert!(matches!(faults.wrap(memory.store()).read("c"), Err(Error::Io { .. })));
    }

    #[test]
    fn errors_look_as_the_operating_system_makes_them() {
        let store = |kind| Faults::fail_with(1, kind).wrap(memory().1.store());
        assert!(matches!(store(ErrorKind::StorageFull).put_if_absent("a", b""), Err(Error::DiskFull { .. })));
        assert!(matches!(store(ErrorKind::ReadOnlyFilesystem).put("a", b""), Err(Error::ReadOnly { .. })));
        assert!(matches!(store(ErrorKind::PermissionDenied).list(""), Err(Error::PermissionDenied { .. })));
    }

    #[test]
    fn a_full_disk_takes_no_more_bytes_and_still_gives_what_it_has() {
        let (_clock, memory) = memory();
        let faults = Faults::full_after(10);
        let store = faults.wrap(memory.store());
        let mut staged = store.stage().unwrap();
        staged.append(b"123456").unwrap();
        assert!(matches!(staged.append(b"78901"), Err(Error::DiskFull { .. })));
        assert!(matches!(store.put("lease", b"1"), Err(Error::DiskFull { .. })));
        assert!(matches!(store.put_if_absent("a", b"1"), Err(Error::DiskFull { .. })));
        assert_eq!(store.list("").unwrap(), []);
        assert_eq!(memory.names(), [""; 0]);
        let (store, mut staged) = (memory.store(), Faults::full_after(2).wrap(memory.store()).stage().unwrap());
        staged.append(b"12").unwrap();
        staged.put_if_absent("a").unwrap();
        assert_eq!(store.read("a").unwrap(), b"12");
    }

    #[test]
    fn the_same_seed_goes_wrong_in_the_same_way_and_another_in_another() {
        let plan =
            RandomFaults { lost_reply: 0.2, error: 0.2, crash_after_operations: Some(150), ..RandomFaults::default() };
        let run = |seed| {
            let (_clock, memory) = memory();
            let faults = Faults::random(seed, plan);
            let store = faults.wrap(memory.store());
            for number in 0..40 {
                let _ = store.put_if_absent(&format!("{}", number % 20), b"text");
                work(&store);
            }
            (faults.trace(), memory.history())
        };
        assert_eq!(run(7), run(7));
        assert_ne!(run(7).0, run(8).0);
        let trace = run(7).0;
        assert_eq!(trace.len(), 150);
        assert!(trace[149].ends_with(", crashed"), "{}", trace[149]);
        let count = |end: &str| trace.iter().filter(|line| line.ends_with(end)).count();
        assert!((10..50).contains(&count("failed")), "{trace:#?}");
        assert!(count("reply lost") > 2 && count("reply lost to a retry") > 2, "{trace:#?}");
    }

    #[test]
    fn random_faults_may_crash_before_an_operation() {
        let plan = RandomFaults { crash_after_operations: Some(2), crash_before: true, ..RandomFaults::default() };
        let (_clock, memory) = memory();
        let faults = Faults::random(1, plan);
        work(&faults.wrap(memory.store()));
        assert_eq!((faults.operations(), memory.names()), (2, vec!["name/0".to_owned()]));
    }

    #[test]
    fn a_name_that_was_not_synced_is_lost_with_the_power_unless_it_is_said_to_exist() {
        for is_crash in [false, true] {
            for is_again in [false, true] {
                let (_clock, memory) = memory();
                let faults = if is_crash { Faults::crash_before_sync(1) } else { Faults::fail_sync(1) };
                assert!(!faults.wrap(memory.store()).put_if_absent("a", b"1").unwrap_err().is_already_exists());
                assert_eq!((faults.is_crashed(), memory.bytes("a").unwrap().as_slice()), (is_crash, b"1".as_slice()));
                // That it cannot be synced is all that another one hears who meets the same fault.
                assert!(
                    !Faults::fail_sync(1)
                        .wrap(memory.store())
                        .put_if_absent("a", b"1")
                        .unwrap_err()
                        .is_already_exists()
                );
                if is_again {
                    assert!(memory.store().put_if_absent("a", b"2").unwrap_err().is_already_exists());
                }
                memory.power_cut(1);
                assert_eq!(memory.bytes("a").is_some(), is_again);
                assert_eq!(memory.effective_puts("a"), u64::from(is_again));
            }
        }
        let (_clock, memory) = memory();
        let faults = Faults::fail_sync(1);
        assert!(faults.wrap(memory.store()).put("a", b"1").is_err());
        assert_eq!(faults.trace(), ["1 put a: applied, not synced"]);
    }

    #[test]
    fn operations_of_several_stores_are_counted_together() {
        let faults = Faults::crash_before(3);
        let (table, state) = (faults.wrap(memory().1.store()), faults.clone().wrap(memory().1.store()));
        table.put_if_absent("a", b"").unwrap();
        state.put_if_absent("b", b"").unwrap();
        table.read("a").unwrap_err();
        state.read("b").unwrap_err();
        assert_eq!(
            faults.trace(),
            ["1 put_if_absent a: applied", "2 put_if_absent b: applied", "3 get a: crashed before"]
        );
    }
}

mod without_power;
