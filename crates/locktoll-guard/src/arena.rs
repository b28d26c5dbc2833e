//! An append-only array that never moves what it holds.
//!
//! Threads use its items while others append, without a lock: the items lie in chunks of 1, 2, 4,
//! 8, … that are allocated once and live as long as the arena.

use core::sync::atomic::Ordering;
use std::sync::OnceLock;

use crate::sync::AtomicUsize;

pub(crate) struct Arena<T> {
    chunks: [OnceLock<Box<[T]>>; usize::BITS as usize],
    len: AtomicUsize,
}

impl<T: Default> Arena<T> {
    pub(crate) fn new() -> Self {
        Arena {
            chunks: [const { OnceLock::new() }; usize::BITS as usize],
            len: AtomicUsize::new(0),
        }
    }

    /// Makes one more item ready for use.
    ///
    /// Callers append one at a time; `prepare` runs before [`iter`](Self::iter) shows the item.
    pub(crate) fn append(&self, prepare: impl FnOnce(&T)) -> &T {
        let index = self.len.load(Ordering::Relaxed);
        let (chunk, offset) = place(index);
        let items = self.chunks[chunk]
            .get_or_init(|| (0..1_usize << chunk).map(|_| T::default()).collect());
        prepare(&items[offset]);
        self.len.store(index + 1, Ordering::Release);
        &items[offset]
    }

    /// Every item appended so far, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        let len = self.len.load(Ordering::Acquire);
        self.chunks
            .iter()
            .map_while(OnceLock::get)
            .flatten()
            .take(len)
    }
}

/// Chunk and offset of an index: chunk `c` holds the indices from `2^c - 1` to `2^(c+1) - 2`.
#[inline]
fn place(index: usize) -> (usize, usize) {
    let ordinal = index + 1;
    let chunk = ordinal.ilog2();
    (chunk as usize, ordinal - (1 << chunk))
}

#[cfg(all(test, not(loom)))]
mod tests {
    use core::ptr;

    use super::*;

    #[test]
    fn places_fill_each_chunk_in_order() {
        let places: Vec<_> = (0..7).map(place).collect();
        assert_eq!(
            places,
            [(0, 0), (1, 0), (1, 1), (2, 0), (2, 1), (2, 2), (2, 3)]
        );
    }

    #[test]
    fn items_keep_their_address_and_order_while_others_are_appended() {
        let arena = Arena::<AtomicUsize>::new();
        assert_eq!(arena.iter().count(), 0);
        let appended: Vec<_> = (0..100)
            .map(|number| ptr::from_ref(arena.append(|item| item.store(number, Ordering::Relaxed))))
            .collect();
        assert!(arena.iter().map(ptr::from_ref).eq(appended));
        assert!(
            arena
                .iter()
                .map(|item| item.load(Ordering::Relaxed))
                .eq(0..100)
        );
    }
}
