//! Both ways to look cells up are compared with a map, on cells of all lengths and places.

use std::collections::HashMap;

use lakefront_schema::row_block::{BlockColumn, BlockText, CellBounds, RowBlock, TEXT_PADDING};

use super::*;
use crate::partition::{Part, Selection};

/// Returns rows of one cell each. The text ends with the last cell.
fn block(cells: &[Vec<u8>]) -> RowBlock {
    let mut text = b"\n".to_vec();
    let mut bounds = CellBounds { bounds: vec![0], cells: 1, ..CellBounds::default() };
    for (row, cell) in cells.iter().enumerate() {
        text.extend_from_slice(cell);
        bounds.rows.push(as_u32(row));
        bounds.bounds.push(as_u32(text.len()));
        text.push(b'\n');
    }
    text.pop();
    // What is behind the text must not count.
    text.resize(text.len() + TEXT_PADDING, b'a');
    RowBlock::new(BlockText::new(text), bounds, vec![0; cells.len()], vec![BlockColumn::Cells(0)])
}

/// Returns dictionaries that look up in each way that this processor has.
fn dictionaries() -> Vec<Dictionary> {
    #[cfg(target_arch = "x86_64")]
    return vec![Dictionary { is_fast: false, ..Dictionary::new() }, Dictionary::new()];
    #[cfg(not(target_arch = "x86_64"))]
    vec![Dictionary::new()]
}

/// Looks cells up in both ways, in calls of this many rows, and checks ids and strings.
fn check(cells: &[Vec<u8>], at_once: usize) {
    let block = block(cells);
    let mut ids_by_string: HashMap<&[u8], u32> = HashMap::new();
    let expected: Vec<u32> = cells
        .iter()
        .map(|cell| {
            let next = as_u32(ids_by_string.len());
            *ids_by_string.entry(cell).or_insert(next)
        })
        .collect();
    for mut dictionary in dictionaries() {
        let mut ids = Vec::new();
        for start in (0..cells.len()).step_by(at_once) {
            let part = Part::new(&block, Selection::From(start, at_once.min(cells.len() - start)));
            dictionary.look_up(Cells::of(&part, 0), &mut ids);
        }
        assert!(ids == expected, "{dictionary:?}");
        for (cell, id) in cells.iter().zip(&ids) {
            assert_eq!(dictionary.string(*id), cell.as_slice());
            assert_eq!(dictionary.id_of(cell), *id, "one by one");
            assert_eq!(dictionary.string_and_head(*id), (head_of_string(cell, cell.len()), cell.as_slice()));
        }
        assert_eq!(dictionary.len(), ids_by_string.len());
        let page: Vec<u8> = (0..as_u32(dictionary.len()))
            .flat_map(|id| {
                let string = dictionary.string(id);
                [&as_u32(string.len()).to_le_bytes()[..], string].concat()
            })
            .collect();
        assert_eq!(dictionary.page(), page);
    }
}

#[test]
fn strings_that_differ_in_any_byte_have_other_ids() {
    for length in 1..=100 {
        let same = vec![b'a'; length];
        let mut cells = vec![same.clone(); 40];
        for at in 0..length {
            let mut other = same.clone();
            other[at] = b'b';
            cells.extend([other, same.clone()]);
        }
        cells.extend([vec![b'a'; length - 1], vec![b'a'; length + 1], same]);
        check(&cells, 32);
        check(&cells, 7);
    }
}

#[test]
fn stretches_of_one_string_are_one_id() {
    for length in [0, 1, 15, 16, 17, 31, 32, 33, 48, 49, 64, 65, 1000] {
        let string = |letter: u8| vec![letter; length];
        let cells = [vec![string(b'a'); 70], vec![string(b'b'); 64], vec![string(b'a'); 33]].concat();
        check(&cells, 1000);
        check(&cells, 1);
    }
}

#[test]
fn zeros_at_the_end_of_a_string_count() {
    let cells = (0..=20).map(|zeros| [b"x".to_vec(), vec![0; zeros]].concat());
    check(&cells.chain([Vec::new(), vec![0]]).collect::<Vec<_>>(), 32);
}

#[test]
fn many_strings_of_mixed_lengths_keep_their_ids_while_the_table_grows() {
    let cell = |number: usize| match number % 5 {
        0 => format!("{}", number % 97).into_bytes(),
        1 => format!("a string of more than sixteen bytes, number {number}").into_bytes(),
        2 => format!("/path/{}", "x".repeat(number % 300)).into_bytes(),
        3 => Vec::new(),
        _ => number.to_le_bytes().to_vec(),
    };
    check(&(0..20_000).map(cell).collect::<Vec<_>>(), 1024);
}

#[test]
fn strings_that_were_made_to_collide_get_the_same_ids_and_are_found_quickly() {
    // Strings of 8 bytes whose hashes are the same in their last 16 bits, so that all start at one slot.
    let hash = |bytes: [u8; 8]| hash_of_short([u64::from_le_bytes(bytes), 0], 8) & 0xffff;
    let colliding =
        (0_u64..).map(|number| (number << 8 | u64::from(b'x')).to_le_bytes()).filter(|bytes| hash(*bytes) == 7);
    let cells: Vec<Vec<u8>> = colliding.take(1000).map(|bytes| bytes.to_vec()).collect();
    let twice = [cells.clone(), vec![b"other".to_vec()], cells.clone()].concat();
    check(&twice, 100);
    // One after the other twice, so that the second one is looked up together with the first.
    check(&cells.iter().flat_map(|cell| [cell.clone(), cell.clone()]).collect::<Vec<_>>(), 1000);
    let block = block(&twice);
    for mut dictionary in dictionaries() {
        let part = Part::new(&block, Selection::From(0, twice.len()));
        dictionary.look_up(Cells::of(&part, 0), &mut Vec::new());
        let in_order = dictionary.in_order.expect("more steps than a look-up may take");
        assert_eq!(in_order.len(), dictionary.ends.len());
    }
}

#[test]
fn distinct_ids_of_a_page_are_found_for_every_page() {
    let mut dictionary = Dictionary::new();
    let ids: Vec<u32> = [&b"a"[..], b"b", b"a"].map(|string| dictionary.id_of(string)).to_vec();
    assert_eq!(dictionary.distinct_of_page(&ids), [0, 1]);
    let ids: Vec<u32> = [&b"b"[..], b"c", b"c", b"b"].map(|string| dictionary.id_of(string)).to_vec();
    assert_eq!(dictionary.distinct_of_page(&ids), [1, 2]);
    assert_eq!(dictionary.distinct_of_page(&[0]), [0]);
    assert_eq!(dictionary.id_width(), 2);
}
