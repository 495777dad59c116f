//! Percent-decoding: `%41` becomes `A`, once; `+` stays `+`, and a `%` without two hexadecimal digits behind it stays too.

/// The decoded bytes, which need not be UTF-8.
pub(crate) fn decode(cell: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(cell.len());
    let mut rest = cell;
    while let Some((&byte, behind)) = rest.split_first() {
        if let (b'%', &[high, low, ref behind @ ..]) = (byte, behind)
            && let (Some(high), Some(low)) = (hex(high), hex(low))
        {
            decoded.push(high << 4 | low);
            rest = behind;
        } else {
            decoded.push(byte);
            rest = behind;
        }
    }
    decoded
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn one_decoding_and_no_more() {
        for (cell, decoded) in [("a%20b", "a b"), ("%2520", "%20"), ("a+b", "a+b"), ("%", "%"), ("%4", "%4"), ("%zz%41", "%zzA"), ("%c3%A9", "é"), ("", "")] {
            assert_eq!(decode(cell.as_bytes()), decoded.as_bytes(), "{cell}");
        }
        assert_eq!(decode(b"%FF"), [0xff]);
    }
}
