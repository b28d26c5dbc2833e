//! From an object to its section.
//!
//! | strategy | classes | key |
//! |---|---|---|
//! | `global`, `throttle:K` | `global`, `throttle` | none: one lock, or K permits, for everything |
//! | `per-encoder` | `pool`, `queue`, `object` | the command pool; the queue; any other object |
//! | `per-queue` | `queue`, `object` | the queue, for recording too (see [`pools`](crate::pools)); any other object |
//!
//! A class has a guard of its own, so that it is counted by itself. Where a command needs several
//! sections it enters all, and the guard sees to it that no order of them deadlocks.
//!
//! # Keys
//!
//! Handles of different types, or of different devices, may be equal; then two objects would share a
//! lock, and the end of one would take it from the other. So the two high bytes of a key, which no
//! pointer of a process uses, also hold the number of the device and the type. Queues and command
//! buffers are pointers in the loader's process and need neither.
//!
//! # Dead objects
//!
//! What is destroyed or freed by name is forgotten. Descriptor sets that die with their pool are
//! not: their locks are found again, free, when the driver uses the handle again.

use ash::vk::{self, Handle as _};
use locktoll_guard::{Address, Counts, Guard, Instrument, Section, Strategy};
use smallvec::SmallVec;

use crate::pools::{Pool, Pools};

/// The locks of the process under one strategy.
pub(crate) struct Locks {
    scope: Scope,
    /// For [`Scope::One`].
    one: Guard,
    pool: Guard,
    queue: Guard,
    object: Guard,
    pub(crate) pools: Pools,
    strategy: Strategy,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    /// Whatever is touched, the section is the same, or none.
    One,
    PerEncoder,
    PerQueue,
}

/// What has no place of its own.
const ANYWHERE: Address = Address {
    queue: 0,
    encoder: 0,
};

impl Locks {
    pub(crate) fn new(strategy: Strategy, instrument: Instrument) -> Self {
        let scope = match strategy {
            Strategy::None | Strategy::Global | Strategy::Throttle(_) => Scope::One,
            Strategy::PerEncoder => Scope::PerEncoder,
            Strategy::PerQueue => Scope::PerQueue,
        };
        let keyed = || Guard::new(Strategy::PerEncoder, instrument);
        Locks {
            scope,
            one: Guard::new(strategy, instrument),
            pool: keyed(),
            queue: keyed(),
            object: keyed(),
            pools: Pools::new(),
            strategy,
        }
    }

    /// Whether it matters which pool a command buffer is of.
    pub(crate) fn need_pools(&self) -> bool {
        self.scope != Scope::One
    }

    /// Whether it matters which queue a pool feeds.
    pub(crate) fn need_queues(&self) -> bool {
        self.scope == Scope::PerQueue
    }

    /// The classes that this strategy has, with what each has counted.
    pub(crate) fn counts(&self) -> Vec<(&'static str, Counts)> {
        self.classes()
            .into_iter()
            .map(|(name, guard)| (name, guard.counts()))
            .collect()
    }

    /// Begins counting anew.
    pub(crate) fn reset(&self) {
        for (_, guard) in self.classes() {
            guard.reset();
        }
    }

    fn classes(&self) -> Vec<(&'static str, &Guard)> {
        match self.scope {
            Scope::One => match self.strategy {
                Strategy::None => vec![],
                Strategy::Throttle(_) => vec![("throttle", &self.one)],
                _ => vec![("global", &self.one)],
            },
            Scope::PerEncoder => vec![
                ("pool", &self.pool),
                ("queue", &self.queue),
                ("object", &self.object),
            ],
            Scope::PerQueue => vec![("queue", &self.queue), ("object", &self.object)],
        }
    }
}

/// The locks, as the objects of one device use them.
#[derive(Clone, Copy)]
pub(crate) struct Entrance<'a> {
    pub(crate) locks: &'a Locks,
    pub(crate) device: u8,
}

impl<'a> Entrance<'a> {
    /// For whatever touches a command buffer, and thereby its pool.
    #[inline]
    pub(crate) fn buffer(self, buffer: vk::CommandBuffer) -> Section<'a> {
        match self.locks.scope {
            Scope::One => self.locks.one.enter_at(ANYWHERE),
            Scope::PerEncoder | Scope::PerQueue => self.keyed_buffer(address(buffer)),
        }
    }

    /// For whatever touches a command pool.
    #[inline]
    pub(crate) fn pool(self, pool: vk::CommandPool) -> Option<Section<'a>> {
        (!pool.is_null()).then(|| match self.locks.scope {
            Scope::One => self.locks.one.enter_at(ANYWHERE),
            Scope::PerEncoder | Scope::PerQueue => {
                let key = self.key(pool);
                self.recording(key, |read| self.locks.pools.of_pool(key, read))
            }
        })
    }

    /// For whatever touches a queue.
    #[inline]
    pub(crate) fn queue(self, queue: vk::Queue) -> Section<'a> {
        match self.locks.scope {
            Scope::One => self.locks.one.enter_at(ANYWHERE),
            Scope::PerEncoder | Scope::PerQueue => enter(&self.locks.queue, address(queue)),
        }
    }

    /// For whatever touches another object; nothing for the null handle.
    #[inline]
    pub(crate) fn object<H: vk::Handle + Copy>(self, object: H) -> Option<Section<'a>> {
        (object.as_raw() != 0).then(|| match self.locks.scope {
            Scope::One => self.locks.one.enter_at(ANYWHERE),
            Scope::PerEncoder | Scope::PerQueue => enter(&self.locks.object, self.key(object)),
        })
    }

    /// For whatever ends another object.
    pub(crate) fn dying<H: vk::Handle + Copy>(self, object: H) -> Option<Section<'a>> {
        let section = self.object(object);
        if self.locks.scope != Scope::One {
            self.locks.object.forget(self.key(object));
        }
        section
    }

    pub(crate) fn objects<H: vk::Handle + Copy>(
        self,
        objects: impl Iterator<Item = H>,
    ) -> Sections<'a> {
        let mut sections = Sections(SmallVec::new());
        for object in objects {
            let section = self.object(object);
            let entered = section.is_some();
            sections.0.extend(section);
            if entered && self.locks.scope == Scope::One {
                // All others would be the same.
                break;
            }
        }
        sections
    }

    pub(crate) fn dying_all<H: vk::Handle + Copy>(
        self,
        objects: impl Iterator<Item = H> + Clone,
    ) -> Sections<'a> {
        let sections = self.objects(objects.clone());
        if self.locks.scope != Scope::One {
            for object in objects {
                self.locks.object.forget(self.key(object));
            }
        }
        sections
    }

    /// For whatever touches an object that is named by its type and its bits.
    pub(crate) fn named(self, of: vk::ObjectType, object: u64) -> Option<Section<'a>> {
        match of {
            _ if object == 0 => None,
            vk::ObjectType::COMMAND_BUFFER => {
                Some(self.buffer(vk::CommandBuffer::from_raw(object)))
            }
            vk::ObjectType::COMMAND_POOL => self.pool(vk::CommandPool::from_raw(object)),
            vk::ObjectType::QUEUE => Some(self.queue(vk::Queue::from_raw(object))),
            _ if self.locks.scope == Scope::One => Some(self.locks.one.enter_at(ANYWHERE)),
            _ => Some(enter(&self.locks.object, self.key_of(of, object))),
        }
    }

    /// Lets go of a pool's lock, for one who has it and ends the pool.
    pub(crate) fn forget_pool(self, pool: vk::CommandPool) {
        match self.locks.scope {
            Scope::One => {}
            Scope::PerEncoder => self.locks.pool.forget(self.key(pool)),
            // Named by the pool until its queue was known.
            Scope::PerQueue => self.locks.queue.forget(self.key(pool)),
        }
    }

    /// Lets go of a queue's lock, when its device ends.
    pub(crate) fn forget_queue(self, queue: vk::Queue) {
        self.locks.queue.forget(address(queue));
    }

    /// Notes that a command buffer's pool feeds a queue, unless it feeds one already.
    ///
    /// Call with the section of that queue entered, and that of no pool.
    pub(crate) fn learn_queue(self, buffer: vk::CommandBuffer, queue: vk::Queue) {
        let buffer = address(buffer);
        let own = self
            .locks
            .pools
            .of_buffer(buffer, |pool| match pool.queue() {
                None => Some(pool.key()),
                Some(_) => None,
            });
        if let Some(Some(own)) = own {
            let _own = enter(&self.locks.queue, own);
            self.locks.pools.of_buffer(buffer, |pool| {
                // Another thread may have been faster.
                if pool.queue().is_none() {
                    pool.set_queue(address(queue));
                }
            });
        }
    }

    /// The key of an object that is not a pointer of the loader's.
    #[inline]
    pub(crate) fn key<H: vk::Handle + Copy>(self, object: H) -> usize {
        self.key_of(H::TYPE, object.as_raw())
    }

    #[inline]
    fn key_of(self, of: vk::ObjectType, object: u64) -> usize {
        // Core types are small numbers; those of extension N are 1,000,000,000 + 1,000 N and up.
        let of = of.as_raw();
        let of = if of < 1_000 {
            of
        } else {
            of / 1_000 - 1_000_000 + of % 1_000 + 64
        };
        let tag = u64::from(self.device) << 56 | u64::from(of.cast_unsigned() & 0xFF) << 48;
        truncated(object ^ tag)
    }

    #[inline(never)]
    fn keyed_buffer(self, buffer: usize) -> Section<'a> {
        self.recording(buffer, |read| self.locks.pools.of_buffer(buffer, read))
    }

    /// The section of a pool that `look_up` reads; `fallback` names the lock if it finds none.
    #[inline]
    fn recording(
        self,
        fallback: usize,
        look_up: impl Fn(&dyn Fn(&Pool) -> usize) -> Option<usize>,
    ) -> Section<'a> {
        if self.locks.scope == Scope::PerEncoder {
            let key = look_up(&Pool::key).unwrap_or(fallback);
            return enter(&self.locks.pool, key);
        }
        let current = || look_up(&|pool| pool.queue().unwrap_or(pool.key())).unwrap_or(fallback);
        let mut key = current();
        loop {
            let section = enter(&self.locks.queue, key);
            // Between look-up and lock the pool's queue may have become known.
            let now = current();
            if now == key {
                return section;
            }
            drop(section);
            key = now;
        }
    }
}

/// Several sections, which end in the reverse order of their beginning.
pub(crate) struct Sections<'a>(SmallVec<[Section<'a>; 4]>);

impl Drop for Sections<'_> {
    fn drop(&mut self) {
        while self.0.pop().is_some() {}
    }
}

#[inline]
fn enter(guard: &Guard, key: usize) -> Section<'_> {
    guard.enter_at(Address {
        queue: key,
        encoder: key,
    })
}

#[cfg(not(target_pointer_width = "64"))]
compile_error!("handles have 64 bits, and so must the addresses by which locks are found");

/// The key of a dispatchable object.
#[inline]
pub(crate) fn address<H: vk::Handle>(object: H) -> usize {
    truncated(object.as_raw())
}

/// All of it: pointers have 64 bits here.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "nothing is cut off")]
fn truncated(bits: u64) -> usize {
    bits as usize
}

#[cfg(test)]
mod tests {
    use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

    use super::*;

    fn buffer(raw: u64) -> vk::CommandBuffer {
        vk::CommandBuffer::from_raw(raw)
    }

    fn pool(raw: u64) -> vk::CommandPool {
        vk::CommandPool::from_raw(raw)
    }

    fn make_pool(entrance: Entrance<'_>, of: vk::CommandPool, buffers: &[u64]) {
        let key = entrance.key(of);
        entrance.locks.pools.create(key);
        let buffers = buffers.iter().map(|&raw| address(buffer(raw)));
        entrance.locks.pools.allocate(key, buffers);
    }

    #[test]
    fn keys_of_equal_handles_differ_by_type_and_device() {
        let locks = Locks::new(Strategy::PerEncoder, Instrument::Bare);
        let on = |device| Entrance {
            locks: &locks,
            device,
        };
        let handle = 0x7fff_1234_5678;
        let keys = [
            on(0).key(vk::CommandPool::from_raw(handle)),
            on(1).key(vk::CommandPool::from_raw(handle)),
            on(0).key(vk::Fence::from_raw(handle)),
            on(0).key(vk::SwapchainKHR::from_raw(handle)),
            on(0).key(vk::AccelerationStructureKHR::from_raw(handle)),
        ];
        for (index, key) in keys.iter().enumerate() {
            assert!(!keys[..index].contains(key), "{index}");
        }
    }

    #[test]
    fn what_is_null_is_not_locked() {
        for strategy in [Strategy::Global, Strategy::PerEncoder] {
            let locks = Locks::new(strategy, Instrument::Counted);
            let entrance = Entrance {
                locks: &locks,
                device: 0,
            };
            assert!(entrance.object(vk::Fence::null()).is_none());
            assert!(entrance.pool(vk::CommandPool::null()).is_none());
            assert!(entrance.dying(vk::Fence::null()).is_none());
            assert!(entrance.named(vk::ObjectType::FENCE, 0).is_none());
            let counted: u64 = locks.counts().iter().map(|(_, c)| c.acquisitions).sum();
            assert_eq!(counted, 0);
        }
    }

    /// Threads record into two buffers of one pool while its queue becomes known; no two may ever
    /// be inside at once.
    #[test]
    fn a_pool_is_exclusive_while_its_lock_changes() {
        let locks = Locks::new(Strategy::PerQueue, Instrument::Bare);
        let entrance = Entrance {
            locks: &locks,
            device: 0,
        };
        let queues = [0x10_0000, 0x20_0000].map(vk::Queue::from_raw);
        for round in 0..300_u64 {
            let of = pool(round + 1);
            let buffers = [0x1000 + round * 32, 0x1010 + round * 32];
            make_pool(entrance, of, &buffers);
            let inside = AtomicBool::new(false);
            let overlaps = AtomicU32::new(0);
            std::thread::scope(|scope| {
                let (inside, overlaps) = (&inside, &overlaps);
                for raw in buffers {
                    scope.spawn(move || {
                        for _ in 0..50 {
                            let _section = entrance.buffer(buffer(raw));
                            if inside.swap(true, Ordering::AcqRel) {
                                overlaps.fetch_add(1, Ordering::Relaxed);
                            }
                            // Lets the others come while this one is inside.
                            std::thread::yield_now();
                            inside.store(false, Ordering::Release);
                        }
                    });
                }
                for queue in queues {
                    scope.spawn(move || {
                        // The change is only dangerous while somebody is inside.
                        (0..10_000).find(|_| inside.load(Ordering::Relaxed));
                        let _queue = entrance.queue(queue);
                        entrance.learn_queue(buffer(buffers[0]), queue);
                    });
                }
            });
            assert_eq!(overlaps.into_inner(), 0, "round {round}");
            let learnt = locks.pools.of_pool(entrance.key(of), Pool::queue).flatten();
            assert!(queues.map(address).map(Some).contains(&learnt));
            entrance.forget_pool(of);
            locks.pools.destroy(entrance.key(of));
        }
    }
}
