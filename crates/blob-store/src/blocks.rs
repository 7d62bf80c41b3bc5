//! How content is cut into blocks, and how they are named: by their place and
//! content, so that a block that is staged already is known by its name.

use std::collections::HashMap;

use sha2::{Digest, Sha256};

/// The most blocks that a blob can have.
pub(crate) const BLOCKS_MAX: u64 = 50_000;

/// All of them make 195 GiB. Larger content is cut into larger blocks.
const BLOCK_BYTES: u64 = 4 << 20;

/// For a writer of little memory: 48 GiB.
const SMALL_BLOCK_BYTES: u64 = 1 << 20;

/// All of them make 781 GiB. The HTTP client allows a block one minute.
const BLOCK_BYTES_MAX: u64 = 16 << 20;

/// Of blocks on their way, together; one more block is being filled.
const IN_FLIGHT_BYTES: u64 = 16 << 20;
const SMALL_IN_FLIGHT_BYTES: u64 = 2 << 20;

/// Sixteen bytes, the length that Microsoft's own clients use: all blocks of a
/// blob must have names of one length.
const ID_BYTES: usize = 16;

/// How large blocks are, and how many are on their way at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BlockSizes {
    pub(crate) block_bytes: u64,
    pub(crate) in_flight_max: usize,
}

impl BlockSizes {
    /// For content of this length; `None` when it has no room in a blob.
    pub(crate) fn of(content_bytes: u64) -> Option<Self> {
        Self::cut(content_bytes, BLOCK_BYTES, IN_FLIGHT_BYTES)
    }

    /// The same, in as little memory as is possible.
    pub(crate) fn small_of(content_bytes: u64) -> Option<Self> {
        Self::cut(content_bytes, SMALL_BLOCK_BYTES, SMALL_IN_FLIGHT_BYTES)
    }

    fn cut(content_bytes: u64, step_bytes: u64, in_flight_bytes: u64) -> Option<Self> {
        let block_bytes = content_bytes.div_ceil(BLOCKS_MAX).next_multiple_of(step_bytes);
        let block_bytes = block_bytes.max(step_bytes);
        let in_flight_max = usize::try_from(in_flight_bytes / block_bytes).ok()?.max(1);
        (block_bytes <= BLOCK_BYTES_MAX).then_some(Self { block_bytes, in_flight_max })
    }

    /// For content of a length that nobody knows yet.
    pub(crate) fn usual() -> Self {
        Self { block_bytes: BLOCK_BYTES, in_flight_max: 4 }
    }

    /// The most content that fits, in bytes.
    pub(crate) fn content_bytes_max(self) -> u64 {
        BLOCKS_MAX * self.block_bytes
    }

    /// The most content that fits into any blob, in bytes.
    pub(crate) const CONTENT_BYTES_MAX: u64 = BLOCKS_MAX * BLOCK_BYTES_MAX;
}

/// Name of a block: its place, and the beginning of the SHA-256 of its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct BlockId([u8; ID_BYTES]);

impl BlockId {
    /// Of the block at `place`, counted from 0, whose content went into `content`.
    pub(crate) fn new(place: usize, content: Sha256) -> Self {
        let place = u16::try_from(place).expect("a blob has at most 50,000 blocks").to_be_bytes();
        let mut id = [0; ID_BYTES];
        let (begin, rest) = id.split_at_mut(place.len());
        begin.copy_from_slice(&place);
        rest.copy_from_slice(&content.finalize()[..rest.len()]);
        Self(id)
    }

    pub(crate) fn to_vec(self) -> Vec<u8> {
        self.0.to_vec()
    }
}

/// Blocks that are staged already, with their lengths.
#[derive(Debug, Default)]
pub(crate) struct StagedBlocks(HashMap<BlockId, u64>);

impl StagedBlocks {
    /// Whether this block is there, in this length.
    pub(crate) fn contain(&self, id: BlockId, bytes: u64) -> bool {
        self.0.get(&id) == Some(&bytes)
    }
}

/// Takes names and lengths as the service lists them. Those that other programs
/// have named are left out.
impl FromIterator<(Vec<u8>, u64)> for StagedBlocks {
    fn from_iter<T: IntoIterator<Item = (Vec<u8>, u64)>>(listed: T) -> Self {
        let ours = |(name, bytes): (Vec<u8>, u64)| Some((BlockId(name.try_into().ok()?), bytes));
        Self(listed.into_iter().filter_map(ours).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    #[test]
    fn content_of_any_size_fits_into_blocks_that_fit_into_memory() {
        let words = |sizes: BlockSizes| (sizes.block_bytes >> 20, sizes.in_flight_max);
        let cases = [
            (0, Some(((4, 4), (1, 2)))),
            (5_000_000_000, Some(((4, 4), (1, 2)))),
            (190_000_000_000, Some(((4, 4), (4, 1)))),
            (195 * GIB, Some(((4, 4), (4, 1)))),
            (196 * GIB, Some(((8, 2), (5, 1)))),
            (400 * GIB, Some(((12, 1), (9, 1)))),
            (781 * GIB, Some(((16, 1), (16, 1)))),
            (782 * GIB, None),
            (u64::MAX, None),
        ];

        for (bytes, expected) in cases {
            let sizes = BlockSizes::of(bytes).zip(BlockSizes::small_of(bytes));

            assert_eq!(
                sizes.map(|(usual, small)| (words(usual), words(small))),
                expected,
                "{bytes}"
            );
            for sizes in sizes.into_iter().flat_map(|(usual, small)| [usual, small]) {
                assert!(sizes.content_bytes_max() >= bytes, "{bytes}");
            }
        }
        assert_eq!(BlockSizes::of(0), Some(BlockSizes::usual()));
    }

    #[test]
    fn a_staged_block_is_known_by_its_place_content_and_length() {
        let id = |place, content| BlockId::new(place, Sha256::new_with_prefix(content));
        let foreign = (b"another program's".to_vec(), 1);
        let staged: StagedBlocks = [(id(7, "a").to_vec(), 1), foreign].into_iter().collect();

        assert!(staged.contain(id(7, "a"), 1));
        for (id, bytes) in [(id(8, "a"), 1), (id(7, "b"), 1), (id(7, "a"), 2)] {
            assert!(!staged.contain(id, bytes), "{id:?} {bytes}");
        }
        assert_eq!(id(49_999, "").to_vec().len(), ID_BYTES);
    }
}
