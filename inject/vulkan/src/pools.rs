//! From a command buffer to its pool, and from a pool to the queue that it feeds.
//!
//! Both are written when a program allocates or first submits, and read at every command that it
//! records, so reading takes no lock.
//!
//! # A pool's queue
//!
//! Under `per-queue` a thread that records locks the queue that its pool feeds. Which that is, only
//! the first submission shows; until then the pool's own lock stands in, and from then on the queue
//! never changes, also if later buffers go elsewhere.
//!
//! *At every moment, threads that record into buffers of one pool hold one lock in common.* The
//! switch keeps this, since the submitting thread makes it while it holds both the queue's lock and
//! the pool's own: nobody is recording then, and a recording thread looks up its lock again once it
//! has it, and takes the new one if it is another (see [`Locks`](crate::locks::Locks)).
//!
//! While a thread has a pool's own lock, it waits for no other: sections are entered in the order
//! objects, queue, pool, and the submitting thread takes the pools' own locks one at a time. So no
//! cycle of waiting threads leads through such a lock, and the guard never lends it; a section that
//! is lent could see the switch in its middle.

use core::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

use crate::handles::Handles;

/// One command pool. All handles are keys of [`locks`](crate::locks). Used again for another pool
/// when this one is destroyed.
pub(crate) struct Pool {
    /// Names its own lock.
    key: AtomicUsize,
    /// The queue that it feeds; 0 until it is known.
    queue: AtomicUsize,
    /// Its live command buffers.
    buffers: Mutex<Vec<usize>>,
}

impl Pool {
    /// Names its own lock.
    #[inline]
    pub(crate) fn key(&self) -> usize {
        self.key.load(Ordering::Acquire)
    }

    /// The queue that it feeds, if that is known.
    #[inline]
    pub(crate) fn queue(&self) -> Option<usize> {
        match self.queue.load(Ordering::Acquire) {
            0 => None,
            queue => Some(queue),
        }
    }

    /// Makes known which queue it feeds. Call with both locks held.
    pub(crate) fn set_queue(&self, queue: usize) {
        self.queue.store(queue, Ordering::Release);
    }
}

/// The live pools and command buffers.
pub(crate) struct Pools {
    live: Handles<Pool>,
    buffers: Handles<Pool>,
    /// Records of pools that were destroyed.
    spare: Mutex<Vec<&'static Pool>>,
}

impl Pools {
    pub(crate) const fn new() -> Self {
        Pools {
            live: Handles::new(),
            buffers: Handles::new(),
            spare: Mutex::new(Vec::new()),
        }
    }

    pub(crate) fn create(&self, pool: usize) {
        let spare = self.spare.lock().pop();
        let record = spare.unwrap_or_else(|| {
            Box::leak(Box::new(Pool {
                key: AtomicUsize::new(0),
                queue: AtomicUsize::new(0),
                buffers: Mutex::new(Vec::new()),
            }))
        });
        record.key.store(pool, Ordering::Release);
        record.queue.store(0, Ordering::Release);
        self.live.insert(pool, record);
    }

    /// Forgets a pool and its buffers, which die with it.
    pub(crate) fn destroy(&self, pool: usize) {
        if let Some(pool) = self.live.remove(pool) {
            for buffer in pool.buffers.lock().drain(..) {
                self.buffers.remove(buffer);
            }
            self.spare.lock().push(pool);
        }
    }

    pub(crate) fn allocate(&self, pool: usize, allocated: impl Iterator<Item = usize>) {
        if let Some(pool) = self.live.get(pool) {
            let mut of_pool = pool.buffers.lock();
            for buffer in allocated {
                of_pool.push(buffer);
                self.buffers.insert(buffer, pool);
            }
        }
    }

    pub(crate) fn free(&self, pool: usize, freed: impl Iterator<Item = usize>) {
        if let Some(pool) = self.live.get(pool) {
            let mut of_pool = pool.buffers.lock();
            for buffer in freed {
                self.buffers.remove(buffer);
                if let Some(place) = of_pool.iter().position(|&each| each == buffer) {
                    of_pool.swap_remove(place);
                }
            }
        }
    }

    /// What `read` makes of a pool.
    #[inline]
    pub(crate) fn of_pool<R>(&self, pool: usize, read: impl FnOnce(&Pool) -> R) -> Option<R> {
        self.live.get(pool).map(read)
    }

    /// What `read` makes of a command buffer's pool.
    #[inline]
    pub(crate) fn of_buffer<R>(&self, buffer: usize, read: impl FnOnce(&Pool) -> R) -> Option<R> {
        self.buffers.get(buffer).map(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool_of(pools: &Pools, buffer: usize) -> Option<usize> {
        pools.of_buffer(buffer, Pool::key)
    }

    #[test]
    fn buffers_follow_their_pool() {
        let pools = Pools::new();
        pools.create(1);
        pools.create(2);
        pools.allocate(1, [10, 11].into_iter());
        pools.allocate(2, [20].into_iter());
        assert_eq!(
            [10, 11, 20, 30].map(|buffer| pool_of(&pools, buffer)),
            [Some(1), Some(1), Some(2), None]
        );
        pools.free(1, [10].into_iter());
        pools.allocate(2, [10].into_iter());
        pools.destroy(1);
        assert_eq!(
            [10, 11, 20].map(|buffer| pool_of(&pools, buffer)),
            [Some(2), None, Some(2)]
        );
    }

    #[test]
    fn a_new_pool_of_an_old_handle_has_no_queue() {
        let pools = Pools::new();
        pools.create(1);
        pools.allocate(1, [10].into_iter());
        assert_eq!(pools.of_buffer(10, Pool::queue), Some(None));
        pools.of_buffer(10, |pool| pool.set_queue(7));
        assert_eq!(pools.of_pool(1, Pool::queue), Some(Some(7)));
        pools.destroy(1);
        pools.create(1);
        assert_eq!(pools.of_pool(1, Pool::queue), Some(None));
    }
}
