//! Decompresses any bytes: the text, or the verdict, does not depend on how much is read at a time.

#![no_main]

use std::io::Write;

use lakefront_cloudfront::{Error, TextLimits, TextReader};
use libfuzzer_sys::fuzz_target;

const LIMITS: TextLimits = TextLimits { text_bytes: 1 << 20, ratio: 200 };

fn text_of(object: &[u8], block_bytes: usize) -> Result<Vec<u8>, Error> {
    let mut reader = TextReader::try_new(object, object.len() as u64, LIMITS)?;
    let (mut text, mut block) = (Vec::new(), vec![0; block_bytes]);
    loop {
        let count = reader.read(&mut block)?;
        text.extend_from_slice(&block[..count]);
        if count < block_bytes {
            assert_eq!(reader.read(&mut block)?, 0, "the end stays the end");
            return Ok(text);
        }
    }
}

fuzz_target!(|object: &[u8]| {
    let at_once = text_of(object, 2 << 20).map_err(|error| error.reason());
    let in_bits = text_of(object, 1 + object.len() % 97).map_err(|error| error.reason());
    assert_eq!(at_once, in_bits);

    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(object).unwrap();
    let member = encoder.finish().unwrap();
    match text_of(&[&member[..], &member].concat(), 1000) {
        Ok(text) => assert_eq!(text, [object, object].concat()),
        // The fuzzer has made something that begins like an archive, which is refused within gzip, too.
        Err(error) => assert!(matches!(error, Error::Archive { .. } | Error::OtherData { .. }), "{error}"),
    }
});
