//! Thrift's compact protocol, as far as it takes to walk over the structures in a Parquet file: no length in them is believed
//! before the bytes are there.
//!
//! The reader of Parquet files reserves memory by such lengths. A wrong one would end the program, so that footer and page
//! headers are walked over first.

/// Deepest nesting of structures: a footer has 7 levels.
const MAX_DEPTH: u32 = 16;
/// Largest number of elements of a list: more than any file has columns or row groups.
const MAX_ELEMENTS: u64 = 1 << 20;

/// A walk over bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Compact<'b> {
    bytes: &'b [u8],
    at: usize,
}

/// A number of a structure: the path of its field ids, and its value.
pub(super) type OnNumber<'f> = &'f mut dyn FnMut(&[i16], i64);

impl<'b> Compact<'b> {
    pub(super) fn new(bytes: &'b [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Returns the number of bytes that were walked over.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Walks over a structure; calls `on_number` with its whole numbers. Those of the elements of a list have the path of the list,
    /// and its field is the last one of the path for the number of its elements. `None`: it is damaged.
    pub(super) fn structure(&mut self, on_number: OnNumber<'_>) -> Option<()> {
        self.fields(&mut Vec::new(), on_number, 0)
    }

    fn fields(&mut self, path: &mut Vec<i16>, on_number: OnNumber<'_>, depth: u32) -> Option<()> {
        let mut id = 0_i16;
        loop {
            let header = self.byte()?;
            if header == 0 {
                return Some(());
            }
            id = match header >> 4 {
                0 => i16::try_from(self.zigzag()?).ok()?,
                delta => id.checked_add(i16::from(delta))?,
            };
            path.push(id);
            self.value(header & 0x0f, path, on_number, depth)?;
            path.pop();
        }
    }

    fn value(&mut self, kind: u8, path: &mut Vec<i16>, on_number: OnNumber<'_>, depth: u32) -> Option<()> {
        if depth > MAX_DEPTH {
            return None;
        }
        match kind {
            // Booleans of a structure are in their field's header.
            1 | 2 => Some(()),
            3 => self.skip(1),
            4..=6 => {
                let number = self.zigzag()?;
                on_number(path, number);
                Some(())
            }
            7 => self.skip(8),
            8 => {
                let length = self.varint()?;
                self.skip(usize::try_from(length).ok()?)
            }
            9 | 10 => {
                let header = self.byte()?;
                let count = if header >> 4 == 15 { self.varint()? } else { u64::from(header >> 4) };
                on_number(path, i64::try_from(count).ok()?);
                self.elements(count, &[header & 0x0f], path, on_number, depth)
            }
            11 => {
                let count = self.varint()?;
                let kinds = if count == 0 { 0 } else { self.byte()? };
                self.elements(count, &[kinds >> 4, kinds & 0x0f], path, on_number, depth)
            }
            12 => self.fields(path, on_number, depth + 1),
            _ => None,
        }
    }

    /// Walks over the elements of a list or a map, each of these kinds.
    fn elements(
        &mut self,
        count: u64,
        kinds: &[u8],
        path: &mut Vec<i16>,
        on_number: OnNumber<'_>,
        depth: u32,
    ) -> Option<()> {
        // Each element takes a byte at least; and memory for all of them is reserved at once, a few hundred bytes each.
        if count > MAX_ELEMENTS.min((self.bytes.len() - self.at) as u64) {
            return None;
        }
        for _ in 0..count {
            for &kind in kinds {
                match kind {
                    1 | 2 => self.skip(1)?,
                    _ => self.value(kind, path, on_number, depth + 1)?,
                }
            }
        }
        Some(())
    }

    fn byte(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn skip(&mut self, count: usize) -> Option<()> {
        self.at = self.at.checked_add(count).filter(|at| *at <= self.bytes.len())?;
        Some(())
    }

    fn varint(&mut self) -> Option<u64> {
        let mut number = 0_u64;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    fn zigzag(&mut self) -> Option<i64> {
        let number = self.varint()?;
        Some((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(bytes: &[u8]) -> Option<Vec<(Vec<i16>, i64)>> {
        let mut found = Vec::new();
        let mut compact = Compact::new(bytes);
        compact.structure(&mut |path, number| found.push((path.to_vec(), number)))?;
        assert_eq!(compact.at(), bytes.len());
        Some(found)
    }

    #[test]
    fn numbers_are_found_by_the_path_of_their_fields() {
        // 1: 5, 3: -1, 4: { 1: 300 }, 20: a list of two numbers, 1 and 2, 21: "ab".
        let bytes = [0x15, 10, 0x25, 1, 0x1c, 0x15, 0xd8, 4, 0, 0x09, 40, 0x25, 2, 4, 0x18, 2, b'a', b'b', 0];
        let list = [(vec![20], 2), (vec![20], 1), (vec![20], 2)];
        let expected = [&[(vec![1], 5), (vec![3], -1), (vec![4, 1], 300)][..], &list].concat();
        assert_eq!(numbers(&bytes).unwrap(), expected);
        for end in 0..bytes.len() {
            assert_eq!(Compact::new(&bytes[..end]).structure(&mut |_, _| {}), None, "cut at {end}");
        }
    }

    #[test]
    fn lengths_past_the_end_and_endless_nesting_are_damage() {
        assert_eq!(numbers(&[0x19, 0xf5, 0xff, 0xff, 0xff, 0xff, 7, 0]), None, "a list of 2 thousand million");
        assert_eq!(numbers(&[0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0]), None, "a text");
        assert_eq!(numbers(&[0x1c; 100]), None, "nested");
        assert_eq!(numbers(&[0x1d, 0]), None, "an unknown kind");
    }
}
