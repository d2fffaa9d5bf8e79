//! From a file's bytes to text: what editors and exports put around JSON and CSV.

/// A text, and how it was written if not as UTF-8 alone.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Decoded {
    pub(crate) text: String,
    pub(crate) encoding: Option<&'static str>,
}

/// Decodes UTF-8 with or without a byte order mark, and UTF-16 with one, or without one where the
/// first character is ASCII, as that of JSON (RFC 8259) and of a list's first line is.
pub(crate) fn decode(bytes: Vec<u8>) -> Result<Decoded, &'static str> {
    let (encoding, text) = match bytes.as_slice() {
        [0x1f, 0x8b, ..] => return Err("is packed by gzip: unpack it first"),
        [b'P', b'K', 3, 4, ..] => return Err("is packed by zip: unpack it first"),
        [0xef, 0xbb, 0xbf, rest @ ..] => {
            let text = String::from_utf8(rest.to_vec()).map_err(|_| NOT_TEXT)?;
            return Ok(Decoded {
                text,
                encoding: Some("UTF-8 with a byte order mark"),
            });
        }
        [0xff, 0xfe, rest @ ..] => ("UTF-16 LE", utf16(rest, u16::from_le_bytes)),
        [0xfe, 0xff, rest @ ..] => ("UTF-16 BE", utf16(rest, u16::from_be_bytes)),
        [first, 0, ..] if first.is_ascii() && *first != 0 => {
            ("UTF-16 LE", utf16(&bytes, u16::from_le_bytes))
        }
        [0, first, ..] if first.is_ascii() && *first != 0 => {
            ("UTF-16 BE", utf16(&bytes, u16::from_be_bytes))
        }
        _ => {
            let text = String::from_utf8(bytes).map_err(|_| NOT_TEXT)?;
            return Ok(Decoded {
                text,
                encoding: None,
            });
        }
    };
    Ok(Decoded {
        text: text.ok_or("is not valid UTF-16: save it as UTF-8")?,
        encoding: Some(encoding),
    })
}

const NOT_TEXT: &str = "is neither UTF-8 nor UTF-16: save it as UTF-8";

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Option<String> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let units = pairs.iter().map(|pair| unit(*pair));
    let text = char::decode_utf16(units).collect::<Result<String, _>>();
    text.ok().filter(|_| rest.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_decoded_and_their_encoding_is_named() {
        let be = |text: &str| {
            let units = text.encode_utf16().flat_map(u16::to_be_bytes);
            units.collect::<Vec<_>>()
        };
        let le = |text: &str| {
            let units = text.encode_utf16().flat_map(u16::to_le_bytes);
            units.collect::<Vec<_>>()
        };
        for (bytes, text, encoding) in [
            (b"{}".to_vec(), "{}", None),
            (Vec::new(), "", None),
            ("ä€".into(), "ä€", None),
            (
                b"\xef\xbb\xbf{}".to_vec(),
                "{}",
                Some("UTF-8 with a byte order mark"),
            ),
            (le("\u{feff}{ä😀"), "{ä😀", Some("UTF-16 LE")),
            (be("\u{feff}{ä😀"), "{ä😀", Some("UTF-16 BE")),
            (le("{\"ä\""), "{\"ä\"", Some("UTF-16 LE")),
            (be("[1]"), "[1]", Some("UTF-16 BE")),
        ] {
            let expected = Decoded {
                text: text.into(),
                encoding,
            };
            assert_eq!(decode(bytes), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_text_is_refused() {
        for bytes in [
            &b"caf\xe9"[..],
            b"\xff\xfe{",
            b"\xff\xfe\x00\xd8{\x00",
            b"\xef\xbb\xbf\xff",
            b"\x1f\x8b\x08\x00",
            b"PK\x03\x04",
        ] {
            assert!(decode(bytes.to_vec()).is_err(), "{bytes:?}");
        }
    }
}
