//! Sizes in bytes, as people write them.

use std::ops::RangeInclusive;

use bytesize::ByteSize;

/// Reads sizes such as `67108864`, `64MiB` and `64MB` (which is 64,000,000), of which these are allowed.
///
/// The reader's errors say what is allowed, and how it is written.
pub fn bytes_within<N: TryFrom<u64>>(
    allowed: RangeInclusive<u64>,
) -> impl Fn(&str) -> Result<N, String> + Clone + Send + Sync + 'static {
    move |text| {
        // What the library says of a text is for programmers.
        let size: ByteSize = text
            .parse()
            .map_err(|_| "not a size in bytes; write it like 67108864, 64MiB or 64MB".to_owned())?;
        let is_allowed = allowed.contains(&size.as_u64());
        let read = is_allowed.then(|| N::try_from(size.as_u64()).ok()).flatten();
        read.ok_or_else(|| {
            let [least, most] =
                [*allowed.start(), *allowed.end()].map(|size| ByteSize(size).display().iec());
            format!("it may be {least} to {most}")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        let read = bytes_within::<u32>(1_024..=16 << 20);

        for (text, expected) in [
            ("1024", 1_024),
            ("64KiB", 64 << 10),
            ("64 kib", 64 << 10),
            ("1MB", 1_000_000),
            ("1.5MiB", 3 << 19),
            ("16MiB", 16 << 20),
        ] {
            assert_eq!(read(text), Ok(expected), "{text}");
        }
        for (text, problem) in [
            ("", "not a size"),
            ("many", "not a size"),
            ("-1", "not a size"),
            ("1MiB1", "not a size"),
            ("1023", "it may be 1.0 KiB to 16.0 MiB"),
            ("17MiB", "it may be 1.0 KiB to 16.0 MiB"),
            ("99999999999999999999999", "not a size"),
        ] {
            let refusal = read(text).unwrap_err();
            assert!(refusal.starts_with(problem), "{text}: {refusal}");
        }
    }
}
