//! Files in other encodings.

use bytes::Bytes;
use ingest_core::{RejectCode, Transcoder};

use crate::support::{chunks_of, read, settings};

/// The same at every chunk size, with the number of malformed sequences.
fn becomes(label: &str, input: &[u8], expected: &[u8], malformed: u64) {
    for size in 1..=input.len() {
        let mut transcoder = Transcoder::new(label).unwrap();
        let mut text = Vec::new();
        for chunk in chunks_of(input, size) {
            text.extend_from_slice(&transcoder.push(chunk));
        }
        text.extend_from_slice(&transcoder.finish());

        assert_eq!(text, expected, "{label} in chunks of {size}");
        assert_eq!(transcoder.malformed(), malformed, "{label} in chunks of {size}");
    }
}

#[test]
fn text_becomes_utf_8_wherever_it_is_cut() {
    becomes("windows-1252", b"Gr\xF6\xDFe,\x80\n", "Größe,€\n".as_bytes(), 0);
    becomes("ISO-8859-1", b"caf\xE9\n", "café\n".as_bytes(), 0);
    becomes("shift_jis", b"\x96\xBC\x91O\n", "名前\n".as_bytes(), 0);
    becomes("utf-16le", b"h\0i\0\x3D\xD8\x42\xDE", "hi🙂".as_bytes(), 0);
}

#[test]
fn a_byte_order_mark_decides_and_is_left_out() {
    becomes("utf-16", b"\xFF\xFEh\0i\0", b"hi", 0);
    becomes("utf-16", b"\xFE\xFF\0h\0i", b"hi", 0);
    becomes("windows-1252", b"\xEF\xBB\xBFcaf\xC3\xA9", "café".as_bytes(), 0);
}

#[test]
fn the_mark_of_utf_16_is_known_without_a_setting() {
    becomes("utf-8", b"\xFF\xFEh\0\x3D\xD8\x42\xDE", "h🙂".as_bytes(), 0);
    becomes("utf-8", b"\xFE\xFF\0h\0i", b"hi", 0);
    becomes("utf-8", b"\xFF", b"\xFF", 0);
    becomes("utf-8", b"\xFFx", b"\xFFx", 0);

    let mut told = Transcoder::new("utf-8").unwrap();
    assert_eq!((told.push("\u{FEFF}".into()), told.told_by_start()), ("\u{FEFF}".into(), None));
    let mut told = Transcoder::new("utf-8").unwrap();
    assert_eq!(told.push(b"\xFE\xFF\0a".as_slice().into()), "a");
    assert_eq!(told.told_by_start(), Some("UTF-16BE"));
    let mut later = Transcoder::new("utf-8").unwrap().entered_later();
    assert_eq!(later.push(b"\xFF\xFEx".as_slice().into()), b"\xFF\xFEx".as_slice());
}

#[test]
fn utf_8_passes_as_it_is() {
    becomes("UTF-8", b"\xEF\xBB\xBFid\n\xE9\n", b"\xEF\xBB\xBFid\n\xE9\n", 0);
}

#[test]
fn what_means_nothing_becomes_a_byte_that_is_never_text() {
    becomes("utf-16le", b"a\0\x00\xDCb\0", b"a\xFFb", 1);
    becomes("utf-16le", b"a\0b", b"a\xFF", 1);
    becomes("shift_jis", b"\x96", b"\xFF", 1);
    becomes("euc-jp", &[0xFF; 100], &[0xFF; 100], 100);
}

#[test]
fn the_record_with_a_malformed_sequence_is_rejected_and_its_neighbours_are_not() {
    let mut transcoder = Transcoder::new("shift_jis").unwrap();
    let text = transcoder.push(Bytes::from_static(b"id,name\n1,\x96\xBC\n2,\xFF\n3,\x91O\n"));

    let reading = read(settings(), text).unwrap();

    let codes: Vec<_> = reading
        .records()
        .iter()
        .map(|read| read.reject.map(|reject| reject.code.clone()))
        .collect();
    assert_eq!(codes, [None, Some(RejectCode::InvalidUtf8.as_str().to_owned()), None]);
}

#[test]
fn an_unknown_encoding_is_named() {
    let error = Transcoder::new("utf-9").unwrap_err();

    assert_eq!(
        error.to_string(),
        "unknown encoding \"utf-9\"; use a name such as utf-8, windows-1252 or utf-16le"
    );
}

#[test]
fn the_first_chunk_decides_between_utf_8_and_another_encoding() {
    for (chunks, told, text) in [
        (&[&b"caf\xC3\xA9"[..], b",caf\xE9"][..], None, &b"caf\xC3\xA9,caf\xE9"[..]),
        (&[b"caf\xE9,", b"\x80"], Some("windows-1252"), "caf\u{e9},\u{20ac}".as_bytes()),
        (&[b"\xEF\xBB\xBFcaf\xE9"], None, b"\xEF\xBB\xBFcaf\xE9"),
        // A character that is cut says nothing.
        (&[b"caf\xC3", b"\xA9"], None, b"caf\xC3\xA9"),
    ] {
        let mut transcoder = Transcoder::utf_8_or("windows-1252").unwrap();
        let mut read: Vec<u8> =
            chunks.iter().flat_map(|chunk| transcoder.push(chunk.to_vec().into())).collect();
        read.extend(transcoder.finish());

        assert_eq!((transcoder.told_by_start(), &*read), (told, text), "{chunks:?}");
    }
    assert!(Transcoder::utf_8_or("utf-9").is_err());
}

#[test]
fn utf_8_that_is_read_in_an_encoding_of_one_byte_a_character_is_noticed() {
    for (label, chunks, mistaken) in [
        ("windows-1252", &[&b"Gr\xC3"[..], b"\xBC\xC3\x9Fe"][..], Some("windows-1252")),
        ("windows-1252", &[b"Gr\xC3\xBC", b"\xDFe"], None),
        ("latin1", &[b"plain"], None),
        // Its mark decides.
        ("windows-1252", &[b"\xEF\xBB\xBFGr\xC3\xBC"], None),
        ("utf-16le", &[b"a\0"], None),
        ("utf-8", &[b"Gr\xC3\xBC"], None),
    ] {
        let mut transcoder = Transcoder::new(label).unwrap();
        for chunk in chunks {
            let _read = transcoder.push(chunk.to_vec().into());
        }
        assert_eq!(transcoder.is_mistaken_for(), mistaken, "{label} {chunks:?}");
        let _rest = transcoder.finish();
        assert_eq!(transcoder.is_mistaken_for(), mistaken, "at the end of {label} {chunks:?}");
    }
}
