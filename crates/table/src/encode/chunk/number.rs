//! An Arrow array of numbers in, 64-bit keys out, which represent the numbers in dictionaries, minima, maxima and pages.

use arrow::{
    array::{Array, AsArray},
    buffer::NullBuffer,
    datatypes::{DataType, Date32Type, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType},
};

use crate::partition::Selection;

/// Physical type of a number in a data file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Number {
    Int32,
    Int64,
    Double,
}

/// The numbers of an array.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Numbers<'a> {
    Int32(&'a [i32]),
    Int64(&'a [i64]),
    Double(&'a [f64]),
}

impl Number {
    /// Returns the physical type of an Arrow type; `None` if tables have no numbers of that type.
    pub(crate) fn of(data_type: &DataType) -> Option<Self> {
        if matches!(data_type, DataType::Date32 | DataType::Int32) {
            Some(Self::Int32)
        } else if matches!(data_type, DataType::Int64 | DataType::Timestamp(_, _)) {
            Some(Self::Int64)
        } else if *data_type == DataType::Float64 {
            Some(Self::Double)
        } else {
            None
        }
    }

    /// Returns the number of bytes of a number in `PLAIN` encoding.
    pub(crate) fn plain_bytes(self) -> usize {
        match self {
            Self::Int32 => size_of::<i32>(),
            Self::Int64 | Self::Double => size_of::<i64>(),
        }
    }

    /// Writes a number in `PLAIN` encoding.
    #[inline]
    pub(crate) fn plain(self, key: i64, out: &mut Vec<u8>) {
        match self {
            Self::Int32 => out.extend_from_slice(&key.to_le_bytes()[..4]),
            Self::Int64 => out.extend_from_slice(&key.to_le_bytes()),
            Self::Double => out.extend_from_slice(&double_of(key).to_le_bytes()),
        }
    }
}

/// Returns the key of a number. Keys are in the order of the numbers; that of -0.0 is below that of 0.0, as Parquet's
/// statistics require.
#[inline]
pub(crate) fn key_of(double: f64) -> i64 {
    let bits = double.to_bits().cast_signed();
    bits ^ (bits >> 63).cast_unsigned().wrapping_shr(1).cast_signed()
}

/// Returns the number of a key.
pub(crate) fn double_of(key: i64) -> f64 {
    f64::from_bits((key ^ (key >> 63).cast_unsigned().wrapping_shr(1).cast_signed()).cast_unsigned())
}

impl<'a> Numbers<'a> {
    /// Returns the numbers of an array; `None` if it is not an array of numbers.
    pub(crate) fn of(array: &'a dyn Array) -> Option<Self> {
        if let Some(days) = array.as_primitive_opt::<Date32Type>() {
            return Some(Self::Int32(days.values()));
        }
        if let Some(numbers) = array.as_primitive_opt::<Int32Type>() {
            return Some(Self::Int32(numbers.values()));
        }
        if let Some(numbers) = array.as_primitive_opt::<Int64Type>() {
            return Some(Self::Int64(numbers.values()));
        }
        if let Some(micros) = array.as_primitive_opt::<TimestampMicrosecondType>() {
            return Some(Self::Int64(micros.values()));
        }
        array.as_primitive_opt::<Float64Type>().map(|numbers| Self::Double(numbers.values()))
    }

    /// Writes over `keys` the keys of those rows that are not NULL; `nulls` is `None` if none of the array is.
    pub(crate) fn keys_of_valid(self, rows: Selection<'_>, nulls: Option<&NullBuffer>, keys: &mut Vec<i64>) {
        keys.clear();
        keys.resize(rows.len(), 0);
        let mut found = 0;
        let mut put = |key: i64, row: usize| {
            // Each key is written, and overwritten by the next one if it is NULL's: a branch would often be mispredicted.
            keys[found] = key;
            found += usize::from(nulls.is_none_or(|nulls| nulls.is_valid(row)));
        };
        match self {
            Self::Int32(values) => rows.iter().for_each(|row| put(i64::from(values[row]), row)),
            Self::Int64(values) => rows.iter().for_each(|row| put(values[row], row)),
            Self::Double(values) => rows.iter().for_each(|row| put(key_of(values[row]), row)),
        }
        keys.truncate(found);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_doubles_are_in_their_order_and_can_be_turned_back() {
        let doubles = [f64::MIN, -1.5, -f64::MIN_POSITIVE, -0.0, 0.0, 1e-300, 0.25, 1.0, f64::MAX];
        let keys = doubles.map(key_of);
        assert!(keys.array_windows().all(|[a, b]| a < b), "{keys:?}");
        assert_eq!(keys.map(|key| double_of(key).to_bits()), doubles.map(f64::to_bits));
    }
}
